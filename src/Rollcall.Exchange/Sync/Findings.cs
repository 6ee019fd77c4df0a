using System.Text;
using Rollcall.Standard.Model;

namespace Rollcall.Exchange.Sync;

public enum FindingKind
{
    /// <summary>A local code that no crosswalk knows; the row is not sent.</summary>
    Unmapped,

    /// <summary>A descriptor that the target does not have; the row is not sent.</summary>
    UnknownDescriptor,

    /// <summary>The document breaks a rule of the data standard; it is not sent.</summary>
    Fault,

    /// <summary>The row breaks an expectation of its file's header; it is not sent.</summary>
    Expectation,

    /// <summary>Two rows have one natural key; neither is sent.</summary>
    DuplicateKey,

    /// <summary>Two rows have one <c>@source_key</c>, so that child rows cannot be told apart; the second is not sent.</summary>
    DuplicateSourceKey,

    /// <summary>Child rows whose <c>@parent</c> no row has; they are left out.</summary>
    OrphanedChild,

    /// <summary>An array item or an optional reference with a blank required member; the document is sent without it.</summary>
    DroppedItem,

    /// <summary>Rows that a rule of the folder returned; they are sent.</summary>
    Rule,
}

/// <summary>Rows of one resource with one thing wrong.</summary>
/// <param name="Path">Where in the document, without the positions in arrays.</param>
/// <param name="Text">The local code, the descriptor, the rule: never a pupil's data.</param>
public sealed record Finding(ResourceName Resource, FindingKind Kind, string Path, string Text, long Rows, int Schools)
{
    /// <summary>Whether the rows were kept back.</summary>
    public bool IsRefusal => Kind is not (FindingKind.OrphanedChild or FindingKind.DroppedItem or FindingKind.Rule);

    /// <summary>Who can do something about it: <c>steward</c>, the data in the SIS or its codes; <c>vendor</c>, the mapping; <c>host</c>, the API.</summary>
    public string Owner => Kind switch
    {
        FindingKind.UnknownDescriptor => "host",
        FindingKind.DuplicateSourceKey or FindingKind.OrphanedChild => "vendor",
        _ => "steward",
    };

    /// <summary>One line for a steward.</summary>
    public override string ToString()
    {
        var rows = Schools > 0 ? FormattableString.Invariant($"{Rows} rows, {Schools} schools") : FormattableString.Invariant($"{Rows} rows");
        return Kind switch
        {
            FindingKind.Unmapped => $"{Resource}: {Text} unmapped: {rows} ({Path})",
            FindingKind.UnknownDescriptor => $"{Resource}: the target has no {Text}: {rows} ({Path})",
            FindingKind.Expectation => $"{Resource}: expect {Text}: broken by {rows}",
            FindingKind.DuplicateKey => $"{Resource}: two or more rows have one natural key: {rows}",
            FindingKind.DuplicateSourceKey => $"{Resource}: two or more rows have one @source_key: {rows}",
            FindingKind.OrphanedChild => $"{Resource}: rows of {Text} without a parent, left out: {rows}",
            FindingKind.DroppedItem => $"{Resource}: {Path} without a required value, left out: {rows}",
            FindingKind.Rule => $"{Resource}: {Path} is broken by {rows}, which are sent all the same",
            _ => $"{Resource}: {Path} {Text}: {rows}",
        };
    }
}

/// <summary>Gathers what is wrong with rows, by cause: a million rows with one fault are one line.</summary>
internal sealed class Findings
{
    private const int CausesMax = 5000;
    private const int SchoolsMax = 10_000;
    private const int SourceKeysMax = 200;
    private readonly Lock _lock = new();
    private readonly Dictionary<(ResourceName, FindingKind, string Path, string Text), Count> _counts = [];

    /// <param name="row">The row's <c>@source_key</c>, which the ledger keeps for a steward and no report shows.</param>
    public void Add(ResourceName resource, FindingKind kind, string path, string text, ReadOnlySpan<byte> school = default, long rows = 1, ReadOnlySpan<byte> row = default)
    {
        lock (_lock)
        {
            var key = (resource, kind, path, text);
            if (!_counts.TryGetValue(key, out var count))
            {
                // So many causes are one: a wrong column. The rest is counted together.
                key = _counts.Count < CausesMax ? key : (resource, kind, path, "…");
                count = _counts.GetValueOrDefault(key) ?? (_counts[key] = new Count());
            }

            count.Rows += rows;
            if (row.Length > 0 && count.SourceKeys.Count < SourceKeysMax)
            {
                count.SourceKeys.Add(Encoding.UTF8.GetString(row));
            }

            if (school.Length > 0 && count.Schools.Count < SchoolsMax)
            {
                count.Schools.Add(Encoding.UTF8.GetString(school));
            }
        }
    }

    /// <summary>Takes back what was found in rows of a resource, because they are read again.</summary>
    public void Drop(ResourceName resource)
    {
        lock (_lock)
        {
            foreach (var key in _counts.Keys.Where(k => k.Item1 == resource).ToList())
            {
                _counts.Remove(key);
            }
        }
    }

    /// <summary>The first rows of each cause, by source key.</summary>
    public IReadOnlyList<(Finding Finding, IReadOnlyCollection<string> SourceKeys)> WithRows()
    {
        lock (_lock)
        {
            return [.. _counts.Select(c => (new Finding(c.Key.Item1, c.Key.Item2, c.Key.Path, c.Key.Text, c.Value.Rows, c.Value.Schools.Count), (IReadOnlyCollection<string>)c.Value.SourceKeys))];
        }
    }

    /// <summary>Most rows first.</summary>
    public IReadOnlyList<Finding> ToList()
    {
        lock (_lock)
        {
            return [.. _counts
                .Select(c => new Finding(c.Key.Item1, c.Key.Item2, c.Key.Path, c.Key.Text, c.Value.Rows, c.Value.Schools.Count))
                .OrderByDescending(f => f.Rows).ThenBy(f => f.ToString(), StringComparer.Ordinal)];
        }
    }

    private sealed class Count
    {
        public long Rows { get; set; }

        public HashSet<string> SourceKeys { get; } = new(StringComparer.Ordinal);

        public HashSet<string> Schools { get; } = new(StringComparer.Ordinal);
    }
}
