namespace Rollcall.Tests.Cli;

public sealed class UsageTests
{
    [Theory]
    [InlineData("", "rollcall: say which: ")]
    [InlineData("frobnicate", "rollcall: there is no 'frobnicate'. There are ")]
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
    [InlineData("--help", "Commands:")]
    [InlineData("model show --help", "Examples:")]
    [InlineData("serve --help", "Examples:")]
    public async Task Help_is_given_whatever_else_is_missing(string arguments, string part)
    {
        var run = await RollcallProcess.RunAsync(arguments.Split(' '));

        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.Contains(part, run.Output, StringComparison.Ordinal);
    }
}
