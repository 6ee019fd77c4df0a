using System.Globalization;
using System.Text;
using Rollcall.Serve.Storage;

namespace Rollcall.Serve;

/// <summary>The metrics of the databases, asked for at each scrape.</summary>
internal static class StoreMetrics
{
    private static readonly (string Name, string Type, string Help, Func<StoreMeasures, long> Value)[] Metrics =
    [
        ("rollcall_serve_write_groups_total", "counter", "Transactions of writes.", m => m.Groups),
        ("rollcall_serve_writes_total", "counter", "Writes in them.", m => m.Writes),
        ("rollcall_serve_key_changes_total", "counter", "Changes of a natural key, with all that follows from them.", m => m.KeyChanges),
        ("rollcall_serve_write_races_total", "counter", "Writes done again because another writer was quicker.", m => m.LostRaces),
        ("rollcall_serve_write_deadlocks_total", "counter", "Transactions that the database ended as deadlocks; they were done again.", m => m.Deadlocks),
        ("rollcall_serve_change_version", "gauge", "The newest change version that clients are told.", m => m.NewestChangeVersion),
        ("rollcall_serve_change_version_lag", "gauge", "Change versions beyond it that a transaction in flight may still add.", m => m.ChangeVersionLag),
    ];

    /// <summary>A database that does not answer is shown as down, and the rest all the same.</summary>
    public static async Task<string> ToPrometheusAsync(IEnumerable<ServedInstance> instances, CancellationToken cancellationToken)
    {
        var ages = new List<(int Id, IReadOnlyList<TimeSpan> Ages)>();
        var measured = new List<(int Id, StoreMeasures? Measures)>();
        foreach (var instance in instances)
        {
            ages.Add((instance.Options.Id, instance.Documents.Snapshots?.Ages ?? []));
            try
            {
                measured.Add((instance.Options.Id, instance.Documents is IMeasuredStore store ? await store.MeasureAsync(cancellationToken) : null));
            }
            catch (StoreUnavailableException)
            {
                measured.Add((instance.Options.Id, null));
            }
        }

        var text = new StringBuilder("# HELP rollcall_serve_database_up Whether the database of the instance answers.\n# TYPE rollcall_serve_database_up gauge\n");
        foreach (var (id, measures) in measured)
        {
            text.Append(CultureInfo.InvariantCulture, $"rollcall_serve_database_up{{instance=\"{id}\"}} {(measures is null ? 0 : 1)}\n");
        }

        foreach (var (name, type, help, value) in Metrics)
        {
            text.Append(CultureInfo.InvariantCulture, $"# HELP {name} {help}\n# TYPE {name} {type}\n");
            foreach (var (id, measures) in measured)
            {
                if (measures is { } known)
                {
                    text.Append(CultureInfo.InvariantCulture, $"{name}{{instance=\"{id}\"}} {value(known)}\n");
                }
            }
        }

        text.Append("# HELP rollcall_serve_snapshots Snapshots that this server reads for its clients.\n# TYPE rollcall_serve_snapshots gauge\n");
        foreach (var (id, open) in ages)
        {
            text.Append(CultureInfo.InvariantCulture, $"rollcall_serve_snapshots{{instance=\"{id}\"}} {open.Count}\n");
        }

        text.Append("# HELP rollcall_serve_snapshot_age_seconds Age of the oldest of them.\n# TYPE rollcall_serve_snapshot_age_seconds gauge\n");
        foreach (var (id, open) in ages)
        {
            text.Append(CultureInfo.InvariantCulture, $"rollcall_serve_snapshot_age_seconds{{instance=\"{id}\"}} {open.DefaultIfEmpty().Max().TotalSeconds:0.###}\n");
        }

        return text.ToString();
    }
}
