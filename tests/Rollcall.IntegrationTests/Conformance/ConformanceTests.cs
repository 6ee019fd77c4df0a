using Rollcall.Tests.Tidy;

namespace Rollcall.IntegrationTests.Conformance;

/// <summary>The table of conformance cannot drift from the tests.</summary>
public sealed class ConformanceTests
{
    /// <summary>Set to 1 it makes the page anew instead of comparing it.</summary>
    private const string Variable = "ROLLCALL_WRITE_CONFORMANCE";

    private static readonly IReadOnlyList<Rule> Rules = Rule.ReadAll();
    private static readonly IReadOnlyList<Proof> Proofs = Proof.FindAll(typeof(ConformanceTests).Assembly, typeof(RuleAttribute).Assembly);

    [Fact]
    public void Every_rule_has_a_test_or_a_reason_and_not_both()
    {
        var proven = Proofs.Select(p => p.RuleId).ToHashSet(StringComparer.Ordinal);
        Assert.True(Rules.Count >= 100, "Too few rules were found for this test to mean anything.");
        Findings.None(Rules.GroupBy(r => r.Id, StringComparer.Ordinal).Where(g => g.Count() > 1).Select(g => g.Key), "Rules with the same id:");
        Findings.None(Rules.Where(r => r.LeftOut.Length == 0 && !proven.Contains(r.Id)).Select(r => r.Id), "Rules without a test and without a reason for being left out:");
        Findings.None(Rules.Where(r => r.LeftOut.Length > 0 && proven.Contains(r.Id)).Select(r => r.Id), "Rules that are left out, and proved all the same:");
    }

    [Fact]
    public void Every_test_names_rules_that_there_are()
    {
        var known = Rules.Select(r => r.Id).ToHashSet(StringComparer.Ordinal);
        Findings.None(Proofs.Where(p => !known.Contains(p.RuleId)).Select(p => $"{p.RuleId} ({p.Test})"), "[Rule] names what is in no rules-*.tsv:");
    }

    [Fact]
    public void Every_rule_is_proved_over_both_stores()
    {
        Findings.None(
            Proofs.GroupBy(p => p.RuleId, StringComparer.Ordinal)
                .Where(g => !g.Any(p => p.NeedsNoStore) && !(g.Any(p => p.OnSqlite) && g.Any(p => p.OnPostgres)))
                .Select(g => $"{g.Key} ({string.Join(", ", g.Select(p => p.Test))})"),
            "Rules proved over one store only:");
    }

    [Fact]
    public void The_page_says_what_the_tests_prove()
    {
        var path = RepositoryRoot.File("docs", "conformance.md");
        var page = ConformancePage.Of(Rules, Proofs);
        if (Environment.GetEnvironmentVariable(Variable) == "1")
        {
            File.WriteAllText(path, page);
        }

        Assert.True(File.Exists(path) && File.ReadAllText(path) == page, $"docs/conformance.md is stale: run these tests once with {Variable}=1 and commit the page.");
    }

    [Fact]
    public void A_rule_that_nobody_proves_would_be_found()
    {
        // The negative control: the same questions, asked of a rule that no test names.
        Rule[] rules = [new("9.9.nobody", "Nothing.", "both", ""), new("9.9.left-out", "Nothing.", "both", "A reason.")];
        var page = ConformancePage.Of(rules, []);
        Assert.Contains("| 9.9.nobody | Nothing. | both | none |  |", page, StringComparison.Ordinal);
        Assert.Contains("| 9.9.left-out | Nothing. | both | A reason. |", page, StringComparison.Ordinal);
        Assert.DoesNotContain(Proofs, p => p.RuleId == "9.9.nobody");
    }
}
