using System.Text;
using Rollcall.Exchange.Sync;
using Rollcall.Exchange.Sync.Mapping;
using Rollcall.Exchange.Sync.Sources;
using Rollcall.Standard.Loading;

namespace Rollcall.Tests.Exchange.Sync;

public sealed class ScaffoldTests : IDisposable
{
    private readonly SyncBench _bench = new();

    public void Dispose() => _bench.Dispose();

    [Fact]
    public async Task What_is_scaffolded_for_any_resource_compiles_as_it_stands()
    {
        _bench.Sql("create table your_table(x)");
        var resources = CompactModelReader.EdFi52.Resources.Where(r => !r.Name.Endpoint.EndsWith("Descriptors", StringComparison.Ordinal)).ToList();
        foreach (var resource in resources)
        {
            MappingScaffold.Resource(_bench.Folder, resource.Name.ToString(), CompactModelReader.EdFi52);
        }

        await using var sis = SqliteSis.Open(_bench.Database, new Dictionary<string, object>());
        var templates = await _bench.Read().CompileAsync(sis, CancellationToken.None);

        Assert.True(resources.Count > 100);
        Assert.Equal(resources.Count, templates.Count);
        Assert.All(templates, t => Assert.DoesNotContain(-1, t.KeyBindings));
    }

    [Fact]
    public async Task Optional_lines_are_right_too_when_they_are_taken_in()
    {
        _bench.Sql("create table your_table(x)");
        foreach (var endpoint in (string[])["students", "studentSchoolAssociations", "studentSectionAttendanceEvents", "courses", "staffs", "grades"])
        {
            var path = MappingScaffold.Resource(_bench.Folder, endpoint, CompactModelReader.EdFi52);
            await File.WriteAllTextAsync(path, (await File.ReadAllTextAsync(path)).Replace("  -- , null as", "     , null as", StringComparison.Ordinal));
        }

        await using var sis = SqliteSis.Open(_bench.Database, new Dictionary<string, object>());

        Assert.Equal(6, (await _bench.Read().CompileAsync(sis, CancellationToken.None)).Count);
    }

    [Fact]
    public void Nothing_is_written_over_and_a_mistyped_resource_names_the_nearest()
    {
        MappingScaffold.Resource(_bench.Folder, "students", CompactModelReader.EdFi52);
        Assert.Contains("is there already", Assert.Throws<MappingException>(() => MappingScaffold.Resource(_bench.Folder, "students", CompactModelReader.EdFi52)).Message, StringComparison.Ordinal);
        Assert.Contains("did you mean students", Assert.Throws<MappingException>(() => MappingScaffold.Resource(_bench.Folder, "studnets", CompactModelReader.EdFi52)).Message, StringComparison.Ordinal);
        Assert.Throws<MappingException>(() => MappingScaffold.Init(_bench.Folder, "sqlite"));
        Assert.Throws<MappingException>(() => MappingScaffold.Init(Path.Combine(_bench.Folder, "new"), "oracle"));
    }

    [Fact]
    public async Task A_folder_of_exports_is_a_source()
    {
        MappingScaffold.Init(Path.Combine(_bench.Folder, "m"), "files");
        _bench.Write("exports/pupil.csv", "id,number,first,last,born\n1,N1,\"Ann, the first\",Last,2010-01-02\n2,N2,Bo,Last,\n");
        _bench.Write("exports/more-pupils.ndjson", "{\"id\":3,\"number\":\"N3\",\"first\":\"Cy\",\"born\":\"2010-01-02\"}\n\n{\"id\":4,\"number\":\"N4\",\"last\":\"D\",\"first\":\"Di\",\"born\":\"2010-01-02\"}\n");
        _bench.Write("profile.yaml", SyncBench.Profile().Replace("provider: sqlite", "provider: files", StringComparison.Ordinal)
            .Replace("${file:source}", Path.Combine(_bench.Folder, "exports"), StringComparison.Ordinal));
        _bench.Write("resources/students.sql", """
            select id as "@source_key", number as "studentUniqueId", first as "firstName", coalesce(last, 'Unknown') as "lastSurname", born as "birthDate"
            from (select id, number, first, last, born from pupil union all select id, number, first, last, born from more_pupils)
            """);

        var report = await _bench.RunAsync();

        Assert.Equal(3, report.Calls.Posts);
        Assert.Equal(1, _bench.Of(report, "students").Plan.Invalid);
        Assert.Contains("""{"birthDate":"2010-01-02","firstName":"Ann, the first","lastSurname":"Last","studentUniqueId":"N1"}""", _bench.Api.All("students"));
        Assert.Equal(SyncOutcome.Refusals, (await _bench.RunAsync()).Outcome);
        Assert.Equal(3, _bench.Api.Writes("POST"));
    }

    [Theory]
    [InlineData("pupil.csv", "id,number\n1,N1\n2,N\"2\n", 3)]
    [InlineData("pupil.csv", "id,number\n1,N1\n2,\"N2\n3,N3\n", 3)]
    [InlineData("pupil.csv", "id,number\n1,N1\n\n2\n", 4)]
    [InlineData("pupil.csv", "id,number\n1,N\u00ff\n", 2)]
    [InlineData("pupil.csv", "\u00ef\u00bb\u00bfid,number\n1,N\u00ff\n", 2)]
    [InlineData("pupil.ndjson", "{\"id\":1}\n\n{\"id\":2\n", 3)]
    [InlineData("pupil.ndjson", "{\"id\":1}\n[2]\n", 2)]
    [InlineData("pupil.ndjson", "{\"id\":\"\u00e9\"}\n", 1)]
    [InlineData("pupil.csv", "\u00ef\u00bb\u00bfid,number\n1,\u00ef\u00bf\u00bd\n", 0)]
    [InlineData("pupil.ndjson", "\u00ef\u00bb\u00bf{\"id\":1,\"number\":\"\u00ef\u00bf\u00bd\"}\n", 0)]
    public async Task A_damaged_export_is_refused_with_its_line_and_not_read_as_if_it_were_whole(string name, string bytes, int line)
    {
        var folder = Directory.CreateDirectory(Path.Combine(_bench.Folder, "damaged")).FullName;
        await File.WriteAllBytesAsync(Path.Combine(folder, name), Encoding.Latin1.GetBytes(bytes));

        if (line > 0)
        {
            var refused = Assert.Throws<SisException>(() => FilesSis.Open(folder, new Dictionary<string, object>()));
            Assert.False(refused.IsUnavailable);
            Assert.Contains(FormattableString.Invariant($"{name}, line {line}, cannot be read"), refused.Message, StringComparison.Ordinal);
            return;
        }

        await using var whole = FilesSis.Open(folder, new Dictionary<string, object>());
        Assert.Equal(["\ufffd"], await whole.TextsAsync("select number from pupil where id = '1'", new Dictionary<string, string?>(), CancellationToken.None));
        await whole.DisposeAsync();
    }
}
