using System.Globalization;
using Rollcall.Databases;
using Rollcall.Exchange.Sync;
using Rollcall.Exchange.Sync.Mapping;
using Rollcall.Exchange.Sync.Sources;

namespace Rollcall.Tests.Exchange.Sync;

/// <summary>Sources that only a provider of the <c>providers</c> folder can read: an assembly of the tests' own that speaks SQL Server's SQL over SQLite.</summary>
public sealed class ProviderTests : IDisposable
{
    private readonly SyncBench _bench = new SyncBench().WithUsualMapping();

    static ProviderTests() => Environment.SetEnvironmentVariable(ProviderFolder.Variable, AcmeFolder);

    /// <summary>Where the build has put the tests' provider.</summary>
    internal static string AcmeFolder => Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "..", "..", "Rollcall.TestProvider", Path.GetFileName(Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory))));

    public void Dispose() => _bench.Dispose();

    private string Profile(string more = "") => $$"""
        profile: test
        source: { provider: Acme.Data.SqlClient, connection: "Data Source={{_bench.Database}};Pooling=false", parameters: { year: 2027 } }
        target: { url: "http://fake", key: k, secret: s }
        {{more}}
        """;

    [Fact]
    public async Task A_provider_of_the_folder_reads_what_the_built_in_reader_reads()
    {
        _bench.Pupils(30);
        _bench.Sql("insert into absence values(1, 3, '2026-09-02', 'UA'), (2, 4, '2026-09-03', 'T')");
        await _bench.RunAsync();
        Assert.Equal(62, _bench.Api.Writes("POST"));
        _bench.Write("profile.yaml", Profile());

        Assert.Equal(SyncOutcome.NothingToDo, (await _bench.RunAsync()).Outcome);

        _bench.Sql("update pupil set first = 'Änne' where id = 1; update stint set entry = '2026-09-01' where id = 2; delete from absence where id = 1");
        Assert.Equal((0, 2, 1), (await _bench.RunAsync()).Calls);
        await _bench.RunAsync(new SyncOptions { Kind = "resync", Only = new SyncSelection { SourceKeys = ["3", "4"], IsResend = true } });
        Assert.Equal(2 + 4, _bench.Api.Writes("PUT"));
    }

    [Fact]
    public async Task Child_files_are_joined_while_both_queries_are_read()
    {
        _bench.Sql("""
            create table section(id integer primary key, name text); create table period(section integer, name text);
            insert into section values(10, 'S10'), (9, 'S9'), (100, 'S100');
            insert into period values(9, 'P2'), (100, 'P1'), (9, 'P1');
            """);
        File.Delete(Path.Combine(_bench.Folder, "resources/studentSchoolAttendanceEvents.sql"));
        _bench.Write("resources/students.sql", """
            select id as "@source_key", name as "studentUniqueId", 'F' as "firstName", 'L' as "lastSurname", '2010-01-02' as "birthDate" from section
            """);
        File.Delete(Path.Combine(_bench.Folder, "resources/studentSchoolAssociations.sql"));
        _bench.Write("resources/students.otherNames.sql", """
            select section as "@parent", name as "firstName", 'L' as "lastSurname", 'uri://ed-fi.org/OtherNameTypeDescriptor#' || case name when 'P1' then 'Alias' else 'Nickname' end as "otherNameTypeDescriptor" from period
            """);
        _bench.Write("profile.yaml", Profile());

        var report = await _bench.RunAsync();

        Assert.True(report.Calls.Posts == 3, report.ToText());
        Assert.Equal(1, _bench.Api.All("students").Count(d => d.Contains("S9\"", StringComparison.Ordinal) && d.Contains("P1", StringComparison.Ordinal)));
        Assert.Equal(1, _bench.Api.All("students").Count(d => d.Contains("S100", StringComparison.Ordinal) && d.Contains("P1", StringComparison.Ordinal)));
        Assert.Equal(1, _bench.Api.All("students").Count(d => d.Contains("S10\"", StringComparison.Ordinal) && !d.Contains("otherNames", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("Acme.Data.Other", "has no assembly for it")]
    [InlineData("Acme", "source.provider is Acme")]
    public async Task A_provider_that_is_not_there_is_named_and_where_it_was_looked_for(string provider, string fault)
    {
        _bench.Write("profile.yaml", Profile().Replace("Acme.Data.SqlClient", provider, StringComparison.Ordinal));

        var refused = await Assert.ThrowsAnyAsync<Exception>(() => _bench.RunAsync());

        Assert.True(refused is SisException { IsUnavailable: false } or MappingException);
        Assert.Contains(fault, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void One_name_is_one_factory_and_an_unknown_one_is_refused()
    {
        Assert.Same(ProviderFolder.Default.Load("Acme.Data.SqlClient"), ProviderFolder.Default.Load("Acme.Data.SqlClient"));
        Assert.Contains("Acme.Data.Nothing", Assert.Throws<DatabaseUnusableException>(() => ProviderFolder.Default.Load("Acme.Data.Nothing")).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Microsoft.Data.SqlClient", "sqlserver")]
    [InlineData("Oracle.ManagedDataAccess.Client", "oracle")]
    [InlineData("MySql.Data.MySqlClient", "mysql")]
    [InlineData("FirebirdSql.Data.FirebirdClient", "standard")]
    public void A_provider_suggests_its_dialect(string provider, string dialect) => Assert.Equal(dialect, SqlDialect.Of(provider).Name);

    [Fact]
    public async Task Tracked_changes_are_sent_by_reading_their_own_rows_and_a_gap_reads_everything()
    {
        WatchBench.WriteMapping(_bench);
        _bench.Write("profile.yaml", Profile("changes: { method: change-tracking, every: 20ms }\ndeletes: { default: always }"));
        _bench.Pupils(40);
        Track();
        await using (var watch = await WatchBench.StartAsync(_bench))
        {
            await watch.UntilAsync(() => _bench.Api.Writes("POST") == 80, "the first look");
            var before = watch.Reports.Count;
            _bench.Sql("update pupil set first = 'Anna' where id = 3; insert into absence values(1, 3, '2026-09-02', 'UA')");
            await watch.UntilAsync(() => _bench.Api.Writes("PUT") == 1 && _bench.Api.Writes("POST") == 81, "one PUT and one POST");
            _bench.Sql("update stint set entry = '2026-09-01' where id = 4; delete from stint where id = 5; delete from absence where id = 1");
            await watch.UntilAsync(() => _bench.Api.Writes("PUT") == 2 && _bench.Api.Writes("DELETE") == 2, "a key change and two deletes");
            Assert.All(watch.Reports.Skip(before).SelectMany(r => r.Resources), r => Assert.InRange(r.Plan.Scanned, 0, 3));
        }

        // What happens while nobody watches is told at the next start, from the version that the ledger has kept.
        _bench.Sql("update pupil set first = 'Bea' where id = 7");
        await using (var watch = await WatchBench.StartAsync(_bench))
        {
            await watch.UntilAsync(() => _bench.Api.Writes("PUT") == 3, "the change of the night");
            Assert.DoesNotContain(watch.Reports, r => r.Resources.Any(x => x.Plan.Scanned > 3));
        }

        // Cleaned up before it was told: nothing may be taken for unchanged.
        _bench.Sql("update pupil set first = 'Cleo' where id = 8; delete from ct_log; update ct_state set least = version");
        await using (var watch = await WatchBench.StartAsync(_bench))
        {
            await watch.UntilAsync(() => _bench.Api.Writes("PUT") == 4, "what was cleaned up");
            Assert.Contains(watch.Reports, r => _bench.Of(r, "students").Plan.Scanned == 40);
        }
    }

    [Fact]
    public async Task A_table_that_is_not_tracked_is_named()
    {
        WatchBench.WriteMapping(_bench);
        _bench.Write("profile.yaml", Profile("changes: { method: change-tracking, every: 20ms }"));
        _bench.Pupils(2);
        Track();
        _bench.Sql("update ct_state set least = null");

        var refused = await Assert.ThrowsAsync<MappingException>(() => WatchBench.StartAsync(_bench));

        Assert.Contains("is not tracked", refused.Message, StringComparison.Ordinal);
    }

    /// <summary>What SQL Server does when change tracking is turned on.</summary>
    private void Track()
    {
        _bench.Sql("create table ct_state(version integer, least integer); insert into ct_state values(0, 0); create table ct_log(version integer, tbl text, op text, id integer)");
        foreach (var table in (string[])["pupil", "stint", "absence"])
        {
            foreach (var (name, op, row) in (ReadOnlySpan<(string, string, string)>)[("insert", "I", "new"), ("update", "U", "new"), ("delete", "D", "old")])
            {
                _bench.Sql(string.Create(CultureInfo.InvariantCulture, $"""
                    create trigger ct_{table}_{name} after {name} on {table} begin
                      update ct_state set version = version + 1;
                      insert into ct_log select version, '{table}', '{op}', {row}.id from ct_state;
                    end
                    """));
            }
        }
    }
}
