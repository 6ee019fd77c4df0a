namespace Rollcall.IntegrationTests.Conformance;

/// <summary>One rule of the API's reference: a row of a <c>rules-*.tsv</c>.</summary>
/// <param name="Id">Section and slug: <c>3.7.total-count</c>.</param>
/// <param name="Text">What a client sees, in one sentence.</param>
/// <param name="Setting"><c>both</c>; or the one setting of <c>--compatibility</c> in which the rule holds: <c>default</c> or <c>dms</c>.</param>
/// <param name="LeftOut">Why it is not built; empty when it is.</param>
internal sealed record Rule(string Id, string Text, string Setting, string LeftOut)
{
    public string Section => Id[..Id.LastIndexOf('.')];

    /// <summary>The section's numbers, for sorting: 3.10 comes after 3.9.</summary>
    public string SortKey => string.Join('.', Id.Split('.').Select(p => int.TryParse(p, out var n) ? n.ToString("D4", System.Globalization.CultureInfo.InvariantCulture) : p));

    /// <summary>All rules of all reference pages, in the order of their sections.</summary>
    /// <exception cref="InvalidDataException">A row does not have four columns, an id of the right form, or a known setting.</exception>
    public static IReadOnlyList<Rule> ReadAll()
    {
        var rules = new List<Rule>();
        foreach (var file in Directory.GetFiles(RepositoryRoot.File("tests", "Rollcall.IntegrationTests", "Conformance"), "rules-*.tsv").Order(StringComparer.Ordinal))
        {
            foreach (var line in File.ReadLines(file).Skip(1).Where(l => l.Length > 0))
            {
                var cells = line.Split('\t');
                if (cells.Length != 4 || !cells[0].Contains('.', StringComparison.Ordinal) || !char.IsDigit(cells[0][0]) || cells[2] is not ("both" or "default" or "dms"))
                {
                    throw new InvalidDataException($"{Path.GetFileName(file)}: no rule (id, rule, both|default|dms, why left out; separated by tabs): {line}");
                }

                rules.Add(new Rule(cells[0], cells[1].Trim(), cells[2], cells[3].Trim()));
            }
        }

        return [.. rules.OrderBy(r => r.SortKey, StringComparer.Ordinal)];
    }
}
