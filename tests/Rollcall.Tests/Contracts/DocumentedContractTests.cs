using System.CommandLine;
using System.Reflection;
using System.Text.RegularExpressions;
using Rollcall.Cli;
using Rollcall.Tests.Tidy;

namespace Rollcall.Tests.Contracts;

/// <summary>What users and orchestrators rely on is written down where they look for it.</summary>
public sealed partial class DocumentedContractTests
{
    [Fact]
    public void Every_problem_type_is_in_the_errors_page()
    {
        var types = SourceFile.Under("src", "*.cs").SelectMany(f => ProblemType().Matches(SourceFile.Read(f)).Select(m => m.Value)).Distinct().ToArray();
        var page = SourceFile.Read("docs/errors.md");

        Assert.True(types.Length >= 5, "Too few problem types were found for this test to mean anything.");
        Assert.Empty(types.Where(t => !page.Contains($"`{t}`", StringComparison.Ordinal)));
    }

    [Fact]
    public void Every_exit_code_is_in_the_errors_page()
    {
        var page = SourceFile.Read("docs/errors.md");
        var codes = typeof(ExitCodes).GetFields(BindingFlags.Public | BindingFlags.Static).Where(f => f.IsLiteral).Select(f => (int)f.GetRawConstantValue()!).ToArray();

        Assert.Equal([0, 1, 2, 3, 4, 5, 99, 130], codes.Order());
        Assert.Empty(codes.Where(c => !page.Contains($"| {c} |", StringComparison.Ordinal)));
    }

    [Fact]
    public void Every_option_of_every_verb_is_in_the_configuration_page()
    {
        var page = SourceFile.Read("docs/configuration.md");
        var options = Verbs.All().SelectMany(v => Options(v, v.Name)).ToArray();

        Assert.NotEmpty(options);
        Assert.Empty(options.Where(o => !page.Contains($"`{o.Option}`", StringComparison.Ordinal)));
    }

    [Fact]
    public void Every_verb_has_examples_in_its_help()
    {
        Assert.Empty(Verbs.All().SelectMany(v => Leaves(v)).Where(v => !v.Hidden && string.IsNullOrWhiteSpace(v.Description)).Select(v => v.Name));
    }

    private static IEnumerable<(string Verb, string Option)> Options(Command command, string path) =>
        command.Options.Where(o => !o.Hidden).Select(o => (path, o.Name))
            .Concat(command.Subcommands.SelectMany(s => Options(s, $"{path} {s.Name}")));

    private static IEnumerable<Command> Leaves(Command command) => command.Subcommands.Count == 0 ? [command] : command.Subcommands.SelectMany(Leaves);

    [GeneratedRegex(@"urn:ed-fi:api:[a-z][a-z0-9:-]*[a-z0-9]")]
    private static partial Regex ProblemType();
}
