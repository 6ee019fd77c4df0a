using System.CommandLine;
using System.Text.Json.Nodes;
using Rollcall.Cli;
using Rollcall.Demo;

namespace Rollcall.Tests.Demo;

public sealed class DemoSisVerbsTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("rollcall-demo-sis-").FullName;

    [Fact]
    public async Task Makes_a_sis_with_its_mapping_and_lets_a_day_pass()
    {
        var made = await RunAsync("make-sis", File("a.db"), "--students", "150", "--seed", "9", "--mapping", File("mapping"));
        var changed = await RunAsync("change-sis", File("a.db"), "--day", "1", "--json");

        Assert.Equal(ExitCodes.Done, made.ExitCode);
        Assert.Contains("150 pupils", made.Output, StringComparison.Ordinal);
        Assert.True(System.IO.File.Exists(Path.Combine(File("mapping"), "resources", "students.sql")));
        Assert.Equal(ExitCodes.Done, changed.ExitCode);
        var result = JsonNode.Parse(changed.Output)!;
        Assert.Equal("done", result["outcome"]!.GetValue<string>());
        Assert.Equal(1, result["resources"]!["students"]!["created"]!.GetValue<int>());
        Assert.Equal(
            result["requests"]!.GetValue<int>(),
            result["resources"]!.AsObject().Sum(r => r.Value!.AsObject().Sum(n => n.Value!.GetValue<int>())));
    }

    [Fact]
    public async Task Key_changes_happen_when_asked_for()
    {
        await RunAsync("make-sis", File("a.db"), "--students", "150");
        await RunAsync("make-sis", File("b.db"), "--students", "150");

        var without = JsonNode.Parse((await RunAsync("change-sis", File("a.db"), "--day", "1", "--json")).Output)!;
        var with = JsonNode.Parse((await RunAsync("change-sis", File("b.db"), "--day", "1", "--json", "--key-changes")).Output)!;

        Assert.Equal(0, without["resources"]!["studentSchoolAssociations"]!["keyChanged"]!.GetValue<int>());
        Assert.Equal(1, with["resources"]!["studentSchoolAssociations"]!["keyChanged"]!.GetValue<int>());
    }

    [Fact]
    public async Task Wrong_input_is_refused_with_exit_4_and_changes_nothing()
    {
        await RunAsync("make-sis", File("a.db"), "--students", "20");
        await RunAsync("change-sis", File("a.db"), "--day", "3");
        await System.IO.File.WriteAllTextAsync(File("no.db"), "this is no database, and long enough to be looked at as one; this is no database");
        var before = await System.IO.File.ReadAllBytesAsync(File("a.db"));

        Assert.Equal(ExitCodes.Usage, (await RunAsync("make-sis", File("a.db"))).ExitCode);
        Assert.Equal(ExitCodes.Usage, (await RunAsync("change-sis", File("a.db"), "--day", "3")).ExitCode);
        Assert.Equal(ExitCodes.Usage, (await RunAsync("change-sis", File("missing.db"), "--day", "1")).ExitCode);
        Assert.Equal(ExitCodes.Usage, (await RunAsync("change-sis", File("no.db"), "--day", "1")).ExitCode);

        Assert.Equal(before, await System.IO.File.ReadAllBytesAsync(File("a.db")));
        Assert.False(System.IO.File.Exists(File("missing.db")));
    }

    [Theory]
    [InlineData("make-sis", "x.db", "--students", "0")]
    [InlineData("make-sis", "x.db", "--students", "many")]
    [InlineData("change-sis", "x.db")]
    [InlineData("change-sis", "x.db", "--day", "0")]
    [InlineData("change-sis", "x.db", "--day", "999")]
    public void Wrong_options_do_not_parse(params string[] args) => Assert.NotEmpty(Parse(args).Errors);

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private string File(string name) => Path.Combine(_folder, name);

    private static ParseResult Parse(string[] args) =>
        new RootCommand { DemoSisVerbs.CreateMakeSis(), DemoSisVerbs.CreateChangeSis() }.Parse(args);

    private static async Task<(int ExitCode, string Output)> RunAsync(params string[] args)
    {
        var output = new StringWriter();
        var exitCode = await Parse(args).InvokeAsync(new InvocationConfiguration { Output = output, EnableDefaultExceptionHandler = false });
        return (exitCode, output.ToString());
    }
}
