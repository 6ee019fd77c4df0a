using System.Globalization;
using System.Text;

namespace Rollcall.Benchmarks.Suite;

/// <summary>The page that a suite run writes: every figure beside its target.</summary>
public sealed class ResultTable
{
    private readonly List<(string What, string Measured, string Target, bool? Met)> _rows = [];

    /// <param name="met">Null where there is no target.</param>
    public void Add(string what, string measured, string target = "", bool? met = null)
    {
        _rows.Add((what, measured, target, met));
        Console.WriteLine($"{what}: {measured}{(target.Length > 0 ? $" (target {target})" : "")}");
    }

    public string ToMarkdown(IEnumerable<string> circumstances)
    {
        var page = new StringBuilder();
        page.AppendLine(CultureInfo.InvariantCulture, $"# Benchmark results, {DateTime.UtcNow:yyyy-MM-dd}").AppendLine();
        foreach (var line in circumstances)
        {
            page.AppendLine(CultureInfo.InvariantCulture, $"* {line}");
        }

        page.AppendLine().AppendLine("| What | Measured | Target | Met |").AppendLine("|---|---:|---:|---|");
        foreach (var (what, measured, target, met) in _rows)
        {
            page.AppendLine(CultureInfo.InvariantCulture, $"| {what} | {measured} | {target} | {(met is null ? "" : met == true ? "yes" : "no")} |");
        }

        return page.ToString();
    }
}
