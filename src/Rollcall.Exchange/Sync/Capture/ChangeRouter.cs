using System.Text.RegularExpressions;
using Rollcall.Exchange.Sync.Sources;
using Rollcall.Standard.Model;

namespace Rollcall.Exchange.Sync.Capture;

/// <summary>Turns changed rows into what must be looked at again: source keys where an <c>affects</c> rule leads to them, else whole resources.</summary>
internal sealed partial class ChangeRouter
{
    /// <summary>Marks that every row of a resource is looked at; no source key is empty.</summary>
    public const string Everything = "";

    private const int KeysMax = 20_000;
    private readonly List<Reader> _readers = [];

    private ChangeRouter()
    {
    }

    private sealed record Reader(ResourceModel Resource, IReadOnlySet<string> Tables, IReadOnlyDictionary<string, string?> Rules, bool HasSourceKey);

    /// <summary>The tables whose changes matter.</summary>
    public IReadOnlySet<string> Tables => _readers.SelectMany(r => r.Tables).ToHashSet(StringComparer.Ordinal);

    public static async Task<ChangeRouter> CreateAsync(SyncSession session, ISisReader sis, CancellationToken cancellationToken)
    {
        var router = new ChangeRouter();
        foreach (var template in session.Templates)
        {
            var tables = new HashSet<string>(template.File.Affects.Keys, StringComparer.Ordinal);
            foreach (var file in template.Children.Select(c => c.File).Prepend(template.File))
            {
                tables.UnionWith(await sis.TablesAsync(file.Sql, cancellationToken) ?? new HashSet<string>());
            }

            router._readers.Add(new Reader(template.Resource, tables, template.File.Affects, template.SourceKeyColumn >= 0));
        }

        return router;
    }

    /// <summary>What each resource must look at again because of the changes.</summary>
    public async Task<Dictionary<ResourceModel, HashSet<string>>> RouteAsync(IReadOnlyList<TableChange> changes, ISisReader sis, CancellationToken cancellationToken)
    {
        var dirty = new Dictionary<ResourceModel, HashSet<string>>();
        var ofTables = changes.ToLookup(c => c.Table, StringComparer.Ordinal);
        foreach (var reader in _readers)
        {
            var keys = new HashSet<string>(StringComparer.Ordinal);
            foreach (var table in ofTables.Where(t => reader.Tables.Contains(t.Key)))
            {
                if (!await LookAsync(reader, table.Key, table, sis, keys, cancellationToken) || keys.Count > KeysMax)
                {
                    keys = [Everything];
                    break;
                }
            }

            if (keys.Count > 0)
            {
                dirty[reader.Resource] = keys;
            }
        }

        return dirty;
    }

    /// <summary>Adds the source keys that a table's changes lead to; false when every row may be concerned.</summary>
    private static async Task<bool> LookAsync(
        Reader reader, string table, IEnumerable<TableChange> changes, ISisReader sis, HashSet<string> keys, CancellationToken cancellationToken)
    {
        if (!reader.HasSourceKey || !reader.Rules.TryGetValue(table, out var rule) || rule is null)
        {
            return false;
        }

        var names = Mapping.SqlText.Parameters(rule);
        var asked = new Dictionary<string, IReadOnlyDictionary<string, string?>>(StringComparer.Ordinal);
        foreach (var change in changes)
        {
            if (change.Kind == ChangeKind.Truncate)
            {
                return false;
            }

            foreach (var row in change.Rows)
            {
                // What the change does not tell of the row is looked for everywhere; the profile's own parameters are known to the reader.
                if (names.Any(n => !row.ContainsKey(n) && !sis.Parameters.ContainsKey(n)))
                {
                    return false;
                }

                var given = names.Where(row.ContainsKey).ToDictionary(n => n, n => row[n], StringComparer.Ordinal);
                asked.TryAdd(string.Join('\0', given.Values.Select(v => v is null ? "" : "=" + v)), given);
            }
        }

        if (names is not [var only] || !asked.Values.All(a => a.ContainsKey(only)))
        {
            return await AskEachAsync();
        }

        // The two usual forms: "select :enrollment_id" needs no database, and a look-up by one column is one query for all rows.
        var values = asked.Values.Select(a => a[only]).OfType<string>().ToList();
        if (rule.AsSpan()["select".Length..].Trim().SequenceEqual(":" + only))
        {
            keys.UnionWith(values);
            return true;
        }

        if (LookUp().Match(rule) is not { Success: true } lookUp)
        {
            return await AskEachAsync();
        }

        if (values.Count > 0)
        {
            var sql = $"select k from (select {lookUp.Groups["key"].Value} as k, {lookUp.Groups["column"].Value} as c from {lookUp.Groups["table"].Value}) q where k is not null and {sis.AnyOf("c")}";
            await using var rows = await sis.QueryAsync(sql, isInterleaved: false, values, cancellationToken);
            using var batch = new RowBatch(rows.Columns);
            for (; await rows.ReadAsync(batch, 1000, cancellationToken) && keys.Count <= KeysMax; batch.Clear())
            {
                for (var i = 0; i < batch.Rows; i++)
                {
                    keys.Add(System.Text.Encoding.UTF8.GetString(batch.Cell(i, 0)));
                }
            }
        }

        return true;

        async Task<bool> AskEachAsync()
        {
            foreach (var given in asked.Values)
            {
                keys.UnionWith(await sis.TextsAsync(rule, given, cancellationToken));
            }

            return true;
        }
    }

    /// <summary>A rule that finds keys by one column of one table. Only this form may be asked for many values at once without a change of its meaning.</summary>
    [GeneratedRegex(@"^\s*select\s+(?<key>[\w.]+)\s+from\s+(?<table>[\w.]+(\s+(?!where\b)\w+)?)\s+where\s+(?<column>[\w.]+)\s*=\s*:\w+\s*$", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex LookUp();
}
