using Rollcall.Exchange.Sync.Sources;
using Rollcall.Standard.Model;

namespace Rollcall.Exchange.Sync.Capture;

/// <summary>Turns changed rows into what must be looked at again: source keys where an <c>affects</c> rule leads to them, else whole resources.</summary>
internal sealed class ChangeRouter
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
        foreach (var reader in _readers)
        {
            var keys = new HashSet<string>(StringComparer.Ordinal);
            foreach (var change in changes.Where(c => reader.Tables.Contains(c.Table)))
            {
                if (keys.Contains(Everything))
                {
                    break;
                }

                await LookAsync(reader, change, sis, keys, cancellationToken);
            }

            if (keys.Count > KeysMax || keys.Contains(Everything))
            {
                keys = [Everything];
            }

            if (keys.Count > 0)
            {
                dirty[reader.Resource] = keys;
            }
        }

        return dirty;
    }

    private static async Task LookAsync(Reader reader, TableChange change, ISisReader sis, HashSet<string> keys, CancellationToken cancellationToken)
    {
        if (change.Kind == ChangeKind.Truncate || !reader.HasSourceKey || !reader.Rules.TryGetValue(change.Table, out var rule) || rule is null)
        {
            keys.Add(Everything);
            return;
        }

        var names = Mapping.SqlText.Parameters(rule);
        foreach (var row in change.Rows)
        {
            // "select :enrollment_id" needs no database.
            if (names is [var only] && rule.AsSpan()["select".Length..].Trim().SequenceEqual(":" + only))
            {
                if (row.TryGetValue(only, out var value) && value is not null)
                {
                    keys.Add(value);
                }
                else if (!row.ContainsKey(only))
                {
                    keys.Add(Everything);
                }

                continue;
            }

            // What the change does not tell of the row is looked for everywhere; the profile's own parameters are known to the reader.
            if (names.Any(n => !row.ContainsKey(n) && !sis.Parameters.ContainsKey(n)))
            {
                keys.Add(Everything);
                return;
            }

            var given = names.Where(row.ContainsKey).ToDictionary(n => n, n => row[n], StringComparer.Ordinal);
            keys.UnionWith(await sis.TextsAsync(rule, given, cancellationToken));
        }
    }
}
