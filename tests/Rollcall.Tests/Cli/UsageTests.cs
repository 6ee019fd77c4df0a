namespace Rollcall.Tests.Cli;

public sealed class UsageTests
{
    [Theory]
    [InlineData("", "rollcall: say which: ")]
    [InlineData("frobnicate", "rollcall: there is no 'frobnicate'. There are ")]
    [InlineData("doctor --help", "rollcall: there is no 'doctor'.")]
    [InlineData("serv", "rollcall: there is no 'serv'. Did you mean serve?")]
    [InlineData("model", "rollcall model: say which: list, show, dependencies")]
    [InlineData("model shwo", "rollcall model: there is no 'shwo'. Did you mean show?")]
    [InlineData("model show", "rollcall model show: Required argument 'resource'")]
    [InlineData("model show students staffs", "rollcall model show: 'staffs' is one argument too many.")]
    [InlineData("model show --jsn students", "rollcall model show: there is no option --jsn. Did you mean --json?")]
    [InlineData("model list --frob", "rollcall model list: there is no option --frob.")]
    [InlineData("load folder --ul=http://127.0.0.1:1", "rollcall load: there is no option --ul. Did you mean --url?")]
    public async Task A_wrong_command_line_is_answered_with_what_was_meant(string arguments, string message)
    {
        var run = await RollcallProcess.RunAsync(arguments.Split(' ', StringSplitOptions.RemoveEmptyEntries));

        Assert.Equal((4, ""), (run.ExitCode, run.Output));
        Assert.StartsWith(message, run.Error, StringComparison.Ordinal);
        Assert.Contains("--help'.", run.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("System.", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_follows_two_dashes_is_taken_as_it_is()
    {
        var run = await RollcallProcess.RunAsync("model", "list", "--", "--frob");

        Assert.Equal(4, run.ExitCode);
        Assert.Contains("contains '--frob'", run.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Server=127.0.0.1;Port=1;Database=x;Username=u;Password=hunter2", 5)]
    [InlineData("postgresql://joe:hunter2@127.0.0.1:1/db", 4)]
    [InlineData("Sever=127.0.0.1;Password=hunter2", 4)]
    [InlineData("Password=hunter2", 4)]
    public async Task A_connection_string_is_never_taken_for_a_file_and_never_repeated(string database, int exitCode)
    {
        var folder = Directory.CreateTempSubdirectory("rollcall-test-").FullName;
        try
        {
            foreach (var verb in (string[][])[["serve", "--urls", "http://127.0.0.1:0"], ["serve", "client", "add", "--name", "x", "--claim-set", "Ed-Fi Sandbox"]])
            {
                var run = await RollcallProcess.RunInAsync(folder, [.. verb, "--database", database]);

                Assert.True(run.ExitCode == exitCode, run.Error);
                Assert.DoesNotContain("hunter2", run.Output + run.Error, StringComparison.Ordinal);
                Assert.Empty(Directory.GetFileSystemEntries(folder));
            }
        }
        finally
        {
            Directory.Delete(folder, true);
        }
    }

    [Theory]
    [InlineData("serve", "--config")]
    [InlineData("sync", "run", ".", "--config")]
    [InlineData("model", "import")]
    [InlineData("model", "list", "--extension")]
    public async Task A_broken_settings_file_is_told_by_line_and_column_and_not_repeated(params string[] arguments)
    {
        var file = Path.GetTempFileName();
        try
        {
            File.WriteAllText(file, "{\n \"admin-secret\": tops3cret}");

            var run = await RollcallProcess.RunAsync([.. arguments, file]);

            Assert.Equal(4, run.ExitCode);
            Assert.Contains("line 2, column 1", run.Error, StringComparison.Ordinal);
            Assert.DoesNotContain("ps3cret", run.Output + run.Error, StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Theory]
    [InlineData("--help", "Commands:")]
    [InlineData("publish --help", "--lastChangeVersionProcessedNamespace")]
    [InlineData("verify --help", "--includeOnly")]
    [InlineData("model show --help", "Examples:")]
    [InlineData("serve --help", "Examples:")]
    public async Task Help_is_given_whatever_else_is_missing(string arguments, string part)
    {
        var run = await RollcallProcess.RunAsync(arguments.Split(' '));

        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.Contains(part, run.Output, StringComparison.Ordinal);
    }
}
