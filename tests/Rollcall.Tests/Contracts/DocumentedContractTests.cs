using System.CommandLine;
using System.Reflection;
using System.Text.RegularExpressions;
using Rollcall.Cli;
using Rollcall.Exchange.Publish;
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

        Assert.True(types.Length >= 20, "Too few problem types were found for this test to mean anything.");
        Findings.None(types.Where(t => !page.Contains($"`{t}`", StringComparison.Ordinal)), "Not in docs/errors.md:");
    }

    [Fact]
    public void Every_exit_code_is_in_the_errors_page()
    {
        var page = SourceFile.Read("docs/errors.md");
        var codes = typeof(ExitCodes).GetFields(BindingFlags.Public | BindingFlags.Static).Where(f => f.IsLiteral).Select(f => (int)f.GetRawConstantValue()!).ToArray();

        Assert.Equal([0, 1, 2, 3, 4, 5, 99, 130], codes.Order());
        Findings.None(codes.Where(c => !page.Contains($"| {c} |", StringComparison.Ordinal)), "Not in docs/errors.md:");
    }

    [Fact]
    public void Every_option_of_every_verb_is_in_the_configuration_page()
    {
        var page = SourceFile.Read("docs/configuration.md");
        var options = Verbs.All().SelectMany(v => Options(v, v.Name)).ToArray();

        Assert.NotEmpty(options);
        Findings.None(
            options.Where(o => !Section(page, o.Verb).Contains($"`{o.Option}`", StringComparison.Ordinal)),
            "Not in docs/configuration.md, in the section of the verb (## rollcall VERB):");
    }

    [Fact]
    public void Every_name_that_publish_knows_is_in_the_configuration_page()
    {
        var page = Section(SourceFile.Read("docs/configuration.md"), "publish");

        Findings.None(
            PublishName.All.Where(n => !page.Contains($"`{n.Shown}`", StringComparison.Ordinal) || !page.Contains($"`{n.Path}`", StringComparison.Ordinal)).Select(n => $"{n.Shown} {n.Path}"),
            "Not in docs/configuration.md, rollcall publish:");
    }

    [Fact]
    public void Every_command_says_what_it_does()
    {
        Findings.None(Verbs.All().SelectMany(All).Where(v => !v.Hidden && string.IsNullOrWhiteSpace(v.Description)).Select(v => v.Name), "Without a description:");
    }

    /// <summary>The page from the verb's own heading to the next.</summary>
    private static string Section(string page, string verb)
    {
        var heading = $"\n## rollcall {verb.Split(' ')[0]}\n";
        var start = page.IndexOf(heading, StringComparison.Ordinal);
        return start < 0 ? "" : page[start..(page.IndexOf("\n## ", start + heading.Length, StringComparison.Ordinal) is >= 0 and var end ? end : page.Length)];
    }

    private static IEnumerable<(string Verb, string Option)> Options(Command command, string path) =>
        command.Options.Where(o => !o.Hidden).Select(o => (path, o.Name))
            .Concat(command.Subcommands.SelectMany(s => Options(s, $"{path} {s.Name}")));

    private static IEnumerable<Command> All(Command command) => command.Subcommands.SelectMany(All).Prepend(command);

    [GeneratedRegex("urn:ed-fi:api:[a-z][a-z0-9:-]+")]
    private static partial Regex ProblemType();
}
