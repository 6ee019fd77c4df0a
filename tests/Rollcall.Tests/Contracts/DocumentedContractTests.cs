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
    public void Every_variable_of_AWS_that_is_read_is_in_the_configuration_page()
    {
        var page = SourceFile.Read("docs/configuration.md");
        var read = SourceFile.Under("src", "*.cs").SelectMany(f => AwsVariable().Matches(SourceFile.Read(f)).Select(m => m.Groups[1].Value)).Distinct().ToArray();

        Assert.Contains("AWS_ENDPOINT_URL_SSM", read);
        Findings.None(read.Where(v => !page.Contains($"`{v}`", StringComparison.Ordinal)), "Not in docs/configuration.md:");
    }

    [Fact]
    public void Every_test_that_a_page_names_exists()
    {
        var tests = SourceFile.Under("tests", "*.cs").SelectMany(f => TestClass().Matches(SourceFile.Read(f)).Select(m => m.Groups[1].Value)).ToHashSet(StringComparer.Ordinal);
        var named = SourceFile.Under("docs", "*.md").SelectMany(page => NamedTest().Matches(SourceFile.Read(page)).Select(m => (Page: page, Test: m.Groups[1].Value))).Distinct().ToArray();

        Assert.True(named.Length >= 20, "Too few names of tests were found for this test to mean anything.");
        Findings.None(named.Where(n => !tests.Contains(n.Test)).Select(n => $"{n.Page}: {n.Test}"), "No such test class:");
    }

    [Fact]
    public void Every_option_of_publish_names_a_test_that_shows_its_effect()
    {
        var page = SourceFile.Read("docs/publish.md");
        var rows = page.Split('\n').Where(l => l.StartsWith("| `--", StringComparison.Ordinal)).ToArray();

        Findings.None(
            PublishName.All.Where(n => n.Support == NameSupport.Yes && n.Switch is not null)
                .Where(n => !rows.Any(r => OptionsOf(r).Contains(n.Switch!, StringComparer.OrdinalIgnoreCase) && NamedTest().IsMatch(r))).Select(n => n.Shown),
            "Without a row and a test in the table of docs/publish.md:");
    }

    /// <summary>The names in a row's first column; <c>--target…</c> stands for those of the source with the other side's name.</summary>
    private static IEnumerable<string> OptionsOf(string row)
    {
        var first = row.Split('|')[1];
        var names = OptionName().Matches(first).Select(m => m.Groups[1].Value).ToArray();
        return first.Contains("`--target…`", StringComparison.Ordinal) ? names.Concat(names.Select(n => n.Replace("source", "target", StringComparison.Ordinal))) : names;
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

    [GeneratedRegex(@"\bclass (\w+Tests)\b")]
    private static partial Regex TestClass();

    [GeneratedRegex(@"""(AWS_[A-Z_]+)""")]
    private static partial Regex AwsVariable();

    [GeneratedRegex(@"`(\w+Tests)`")]
    private static partial Regex NamedTest();

    [GeneratedRegex(@"`--([\w-]+)")]
    private static partial Regex OptionName();

    [GeneratedRegex("urn:ed-fi:api:[a-z][a-z0-9:-]+")]
    private static partial Regex ProblemType();
}
