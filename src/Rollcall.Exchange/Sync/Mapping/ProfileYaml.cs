using System.Globalization;
using System.Text;
using Rollcall.Exchange.Ledger;

namespace Rollcall.Exchange.Sync.Mapping;

/// <summary>Writes a profile as it is after all overrides, without its secrets.</summary>
public static class ProfileYaml
{
    private const string Masked = "\"***\"";

    public static string ToYaml(this SyncProfile profile)
    {
        var yaml = new StringBuilder();
        void Line(string text) => yaml.AppendLine(text);
        Line($"profile: {Quoted(profile.Name)}");
        Line("source:");
        Line($"  provider: {profile.Source.AdoProvider ?? profile.Source.Provider.ToString().ToLowerInvariant()}");
        if (profile.Source.AdoProvider is not null)
        {
            Line($"  dialect: {profile.Source.Dialect}");
        }

        Line($"  connection: {(profile.Source.Provider is SisProvider.Postgres or SisProvider.Ado ? Masked : Quoted(profile.Source.Connection))}");
        Line("  snapshot: repeatable-read");
        Line("  parameters:");
        foreach (var (name, value) in profile.Source.Parameters.OrderBy(p => p.Key, StringComparer.Ordinal))
        {
            Line($"    {name}: {(value is string text ? Quoted(text) : string.Create(CultureInfo.InvariantCulture, $"{value}"))}");
        }

        Line("target:");
        Line($"  url: {Quoted(profile.Target.Url)}");
        Line($"  key: {Masked}");
        Line($"  secret: {Masked}");
        if (profile.Target.SchoolYear is { } year)
        {
            Line(string.Create(CultureInfo.InvariantCulture, $"  schoolYear: {year}"));
        }

        if (profile.Target.MaxConcurrency is { } most)
        {
            Line(string.Create(CultureInfo.InvariantCulture, $"  maxConcurrency: {most}"));
        }

        if (profile.Target.MaxRequestsPerSecond is { } perSecond)
        {
            Line(string.Create(CultureInfo.InvariantCulture, $"  maxRequestsPerSecond: {perSecond}"));
        }

        Line($"resources: {{ include: [{string.Join(", ", profile.Include.Select(Quoted))}], exclude: [{string.Join(", ", profile.Exclude.Select(Quoted))}] }}");
        if (profile.Changes is { } changes)
        {
            Line(string.Create(CultureInfo.InvariantCulture,
                $"changes: {{ method: {(changes.Method == ChangeMethod.ChangeTracking ? "change-tracking" : changes.Method.ToString().ToLowerInvariant())}, every: {changes.Every.TotalMilliseconds:F0}ms, fullScanEvery: {changes.FullScanEvery.TotalSeconds:F0}s, overlap: {changes.Overlap.TotalSeconds:F0}s }}"));
        }

        Line("deletes:");
        Line($"  default: {profile.Deletes.Default.ToString().ToLowerInvariant()}");
        Line(string.Create(CultureInfo.InvariantCulture,
            $"  holdIf: {{ percent: {profile.Deletes.HoldPercent}, andAtLeast: {profile.Deletes.HoldAndAtLeast}, zeroRows: {(profile.Deletes.HoldZeroRows ? "true" : "false")} }}"));
        Line(profile.Deletes.PerResource.Count == 0 ? "  perResource: {}" : "  perResource:");
        foreach (var (name, policy) in profile.Deletes.PerResource.OrderBy(p => p.Key, StringComparer.Ordinal))
        {
            Line($"    {name}: {policy.ToString().ToLowerInvariant()}");
        }

        Line(string.Create(CultureInfo.InvariantCulture, $"audit: {{ payloads: {(profile.Audit.KeepsAllPayloads ? "all" : "failures-only")}, keepDays: {profile.Audit.KeepDays} }}"));
        Line($"ledger: {(SyncLedger.IsPostgres(profile.LedgerPath) ? Masked : Quoted(profile.LedgerPath))}");
        return yaml.ToString();
    }

    private static string Quoted(string text) => $"\"{text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)}\"";
}
