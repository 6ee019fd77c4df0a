using System.Text;

namespace Rollcall.IntegrationTests.Conformance;

/// <summary>Makes <c>docs/conformance.md</c>: the rules beside the tests that prove them, and what is left out.</summary>
internal static class ConformancePage
{
    public static string Of(IReadOnlyList<Rule> rules, IReadOnlyList<Proof> proofs)
    {
        var proven = proofs.ToLookup(p => p.RuleId, StringComparer.Ordinal);
        var page = new StringBuilder("""
            # Conformance

            The rules of an Ed-Fi API, by the sections of the reference that `rollcall serve` is built from, and the tests that prove them: all run over real HTTP
            where the rule is one of the API. This page is made from the tests themselves (`ROLLCALL_WRITE_CONFORMANCE=1` with the tests of `ConformanceTests`), and a test
            fails when it is stale, when a rule has neither a test nor a reason, or when it is proved over one store only.

            *Setting* is the value of `--compatibility` in which the rule holds: `default`, `dms`, or both.


            """);
        foreach (var section in rules.Where(r => r.LeftOut.Length == 0).GroupBy(r => r.Section))
        {
            page.Append("## ").Append(section.Key).Append("\n\n| Rule | What holds | Setting | Stores | Tests |\n|---|---|---|---|---|\n");
            foreach (var rule in section)
            {
                var tests = proven[rule.Id].OrderBy(p => p.Test, StringComparer.Ordinal).ToArray();
                page.Append("| ").Append(rule.Id).Append(" | ").Append(Cell(rule.Text)).Append(" | ").Append(rule.Setting).Append(" | ").Append(StoresOf(tests))
                    .Append(" | ").AppendJoin("<br>", tests.Select(t => $"`{t.Test}`")).Append(" |\n");
            }

            page.Append('\n');
        }

        page.Append("## Left out\n\n| Rule | What would hold | Setting | Why not |\n|---|---|---|---|\n");
        foreach (var rule in rules.Where(r => r.LeftOut.Length > 0))
        {
            page.Append("| ").Append(rule.Id).Append(" | ").Append(Cell(rule.Text)).Append(" | ").Append(rule.Setting).Append(" | ").Append(Cell(rule.LeftOut)).Append(" |\n");
        }

        return page.ToString();
    }

    private static string StoresOf(IReadOnlyList<Proof> tests) =>
        (tests.Any(t => t.OnSqlite), tests.Any(t => t.OnPostgres)) switch
        {
            (true, true) => "both",
            (true, false) => tests.Any(t => t.NeedsNoStore) ? "none" : "SQLite",
            (false, true) => tests.Any(t => t.NeedsNoStore) ? "none" : "PostgreSQL",
            _ => "none",
        };

    private static string Cell(string text) => text.Replace("|", "\\|", StringComparison.Ordinal);
}
