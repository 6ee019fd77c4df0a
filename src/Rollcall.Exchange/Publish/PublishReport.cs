using System.Globalization;
using System.Text;
using System.Text.Json;
using Rollcall.Exchange.Delivery;
using Rollcall.Standard.Model;

namespace Rollcall.Exchange.Publish;

/// <summary>What a publish did.</summary>
public sealed record PublishReport
{
    private static readonly DeliveryReport _nothing = new([], null, false);

    /// <summary>The upserts.</summary>
    public DeliveryReport Delivery { get; init; } = _nothing;

    /// <summary>Null when the pass was not run.</summary>
    public DeliveryReport? KeyChanges { get; init; }

    /// <summary>Null when the pass was not run.</summary>
    public DeliveryReport? Deletes { get; init; }

    /// <summary>What was brought beside the selection, because documents refer to it; not in <see cref="Delivery"/>.</summary>
    public IReadOnlyList<FetchedReport> Fetched { get; init; } = [];

    public required IReadOnlyList<ResourceName> NotAtSource { get; init; }

    public required IReadOnlyList<ResourceName> NotAtTarget { get; init; }

    public IReadOnlyList<string> Notices { get; init; } = [];

    /// <summary>What the source's isolation was, in a sentence.</summary>
    public required string Isolation { get; init; }

    public ChangeWindow? Window { get; init; }

    /// <summary>When the run began; null when the source does not tell.</summary>
    public long? NewestChangeVersion { get; init; }

    /// <summary>The last change version that is kept now; null when it was not moved.</summary>
    public long? KeptChangeVersion { get; init; }

    /// <summary>The run's number in the state file; null when nothing is kept.</summary>
    public long? Run { get; init; }

    /// <summary>The run went on where another process stopped.</summary>
    public bool IsResumed { get; init; }

    /// <summary>Documents that the earlier process had settled.</summary>
    public long SettledBefore { get; init; }

    /// <summary>Documents that are set aside now, of earlier runs too.</summary>
    public long SetAside { get; init; }

    public string? SetAsideFile { get; init; }

    public TimeSpan Elapsed { get; init; }

    /// <summary>Sent to the target.</summary>
    public long Requests { get; init; }

    public long Retries { get; init; }

    public long SourceRequests { get; init; }

    public IEnumerable<DeliveryReport> Passes => new[] { KeyChanges, Delivery, Deletes }.OfType<DeliveryReport>();

    public long Refused => Passes.Sum(p => p.Refused);

    /// <summary>The run ended before its end.</summary>
    public bool IsStopped => Passes.Any(p => p.StoppedBy is not null || p.IsInterrupted);

    /// <summary><c>done</c>, <c>refusals</c>, <c>unavailable</c> or <c>interrupted</c>.</summary>
    public string Outcome => Passes.Any(p => p.IsInterrupted) ? "interrupted"
        : Passes.Any(p => p.StoppedBy is not null) ? "unavailable"
        : Passes.Any(p => !p.IsClean) || SetAside > 0 ? "refusals"
        : "done";

    public string ToText(string source, string target)
    {
        var text = new StringBuilder();
        Func<long, Guid, string> where = (_, id) => id.ToString("N");
        if (KeyChanges is { Offered: > 0 })
        {
            text.Append("Key changes: ").Append(ReportText.Of(KeyChanges, $"from {source} to {target}", Elapsed, where));
        }

        text.Append(ReportText.Of(Delivery, $"from {source} to {target}", Elapsed, where));
        if (Deletes is { Offered: > 0 })
        {
            text.Append("Deletes: ").Append(ReportText.Of(Deletes, $"from {source} to {target}", Elapsed, where));
        }

        text.Append(PublishTable.Of(this));
        return text.ToString();
    }

    /// <summary>Writes the result's members into an object that is open.</summary>
    public void WriteJson(Utf8JsonWriter json, string source, string target)
    {
        json.WriteString("verb", "publish");
        json.WriteString("outcome", Outcome);
        json.WriteString("source", source);
        json.WriteString("target", target);
        WriteNumber(json, "run", Run);
        json.WriteBoolean("resumed", IsResumed);
        json.WriteNumber("settledBefore", SettledBefore);
        json.WriteString("isolation", Isolation);
        if (Window is { } window)
        {
            json.WriteStartObject("changeVersions");
            json.WriteNumber("from", window.Lower);
            json.WriteNumber("to", window.Upper);
            json.WriteEndObject();
        }

        WriteNumber(json, "newestChangeVersion", NewestChangeVersion);
        WriteNumber(json, "lastChangeVersionProcessed", KeptChangeVersion);
        json.WriteNumber("setAside", SetAside);
        if (SetAsideFile is not null)
        {
            json.WriteString("setAsideFile", SetAsideFile);
        }

        ReportJson.Write(json, Delivery, Elapsed, Requests, Retries, WriteSample);
        WritePass(json, "keyChanges", KeyChanges);
        WritePass(json, "deletes", Deletes);
        json.WriteNumber("sourceRequests", SourceRequests);
        json.WriteStartArray("fetched");
        foreach (var fetched in Fetched)
        {
            json.WriteStartObject();
            json.WriteString("resource", fetched.Resource.Path);
            json.WriteNumber("created", fetched.Created);
            json.WriteNumber("updated", fetched.Updated);
            json.WriteNumber("notHad", fetched.NotHad);
            json.WriteNumber("refused", fetched.Refused);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        WriteNames(json, "notAtSource", NotAtSource);
        WriteNames(json, "notAtTarget", NotAtTarget);
        json.WriteStartArray("notices");
        foreach (var notice in Notices)
        {
            json.WriteStringValue(notice);
        }

        json.WriteEndArray();
    }

    private static void WriteSample(Utf8JsonWriter json, long tag, Guid id) => json.WriteString("sourceId", id.ToString("N"));

    private void WritePass(Utf8JsonWriter json, string name, DeliveryReport? pass)
    {
        if (pass is not null)
        {
            json.WriteStartObject(name);
            json.WriteNumber("deleted", pass.Resources.Sum(r => r.Deleted));
            json.WriteNumber("notNeeded", pass.Resources.Sum(r => r.NotNeeded));
            ReportJson.Write(json, pass, Elapsed, Requests, Retries, WriteSample);
            json.WriteEndObject();
        }
    }

    private static void WriteNumber(Utf8JsonWriter json, string name, long? number)
    {
        if (number is { } value)
        {
            json.WriteNumber(name, value);
        }
    }

    private static void WriteNames(Utf8JsonWriter json, string name, IReadOnlyList<ResourceName> resources)
    {
        json.WriteStartArray(name);
        foreach (var resource in resources)
        {
            json.WriteStringValue(resource.Path);
        }

        json.WriteEndArray();
    }
}

/// <summary>A publish's account as a table: a line for each resource that had anything to do.</summary>
internal static class PublishTable
{
    public static string Of(PublishReport report)
    {
        var rows = report.Passes.SelectMany(p => p.Resources).GroupBy(r => r.Resource)
            .Select(g => new[]
            {
                g.Key.Path[1..], Sum(g, r => r.Offered), Sum(g, r => r.Created), Sum(g, r => r.Updated), Sum(g, r => r.Deleted), Sum(g, r => r.NotNeeded),
                Sum(g, r => r.Warned), Sum(g, r => r.Refused),
            })
            .Where(r => r[1] != "0").ToList();
        if (rows.Count == 0)
        {
            return "";
        }

        rows.Insert(0, ["resource", "read", "created", "updated", "deleted", "not needed", "warned", "refused"]);
        var widths = Enumerable.Range(0, 8).Select(c => rows.Max(r => r[c].Length)).ToArray();
        var text = new StringBuilder();
        foreach (var row in rows)
        {
            text.Append("  ").Append(row[0].PadRight(widths[0]));
            for (var column = 1; column < row.Length; column++)
            {
                text.Append("  ").Append(row[column].PadLeft(widths[column]));
            }

            text.AppendLine();
        }

        return text.ToString();
    }

    private static string Sum(IEnumerable<ResourceReport> rows, Func<ResourceReport, long> of) => rows.Sum(of).ToString("N0", CultureInfo.InvariantCulture);
}
