using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Rollcall.Exchange.Sync;

/// <summary>A sync's account for a person and for a program.</summary>
public static class SyncReportText
{
    private static readonly (string Title, Func<SyncResourceReport, long> Value)[] _columns =
    [
        ("scanned", r => r.Plan.Scanned), ("same", r => r.Plan.Same), ("POST", r => r.Calls.Posted), ("PUT", r => r.Calls.Put),
        ("key chg", r => r.Plan.KeyChanges), ("DELETE", r => r.Calls.Deleted), ("invalid", r => r.Plan.Invalid), ("duplicate", r => r.Plan.Duplicates),
        ("blocked", r => r.Blocked), ("failed", r => r.Failed), ("held", r => (r.Held?.Count ?? 0) + r.Plan.HeldKeyChanges), ("kept", r => r.Plan.Kept + r.Calls.DeletesKept),
    ];

    private static readonly (string Title, Func<SyncResourceReport, long> Value)[] _planned =
    [
        _columns[0], _columns[1], ("POST", r => r.Plan.Posts), ("PUT", r => r.Plan.Puts), _columns[4], ("DELETE", r => r.Plan.Deletes),
        .. _columns[6..8], ("waiting", r => r.Plan.Waiting), _columns[10], _columns[11],
    ];

    /// <summary>What every verb that makes a ledger says of it: a mistyped one would look like a first run.</summary>
    internal static string NewLedger(string name) => $"The ledger {name} is new for this profile: it knows nothing of what was sent before.";

    /// <summary>A table of the resources, then every cause of trouble in a line of its own.</summary>
    public static string ToText(this SyncReport report)
    {
        var text = new StringBuilder();
        if (report.NewLedger is { } ledger)
        {
            text.AppendLine(NewLedger(ledger));
        }

        AppendTable(text, report.Resources, report.IsDryRun ? _planned : _columns);
        foreach (var resource in report.Resources)
        {
            if (resource.Held is { } held)
            {
                text.AppendLine(CultureInfo.InvariantCulture, $"HELD {held.Resource}: {held.Count:N0} deletes: {held.Reason}.");
                text.AppendLine("     If they are right, run again with --approve-deletes YOUR-NAME: it lets go as many as are held now, no more.");
            }

            if (resource.Plan.HeldKeyChanges > 0)
            {
                text.AppendLine(CultureInfo.InvariantCulture, $"HELD {resource.Resource}: {resource.Plan.HeldKeyChanges:N0} rows changed their natural key, and other documents refer to it.");
                text.AppendLine("     If that is right, put '-- key-change: auto' into the header of its file: the new documents are posted, what depends on them");
                text.AppendLine("     moves, and the old ones are deleted last.");
            }
        }

        foreach (var finding in report.Findings)
        {
            text.AppendLine(finding.ToString());
        }

        foreach (var refusal in report.Refusals)
        {
            var type = refusal.ProblemType.Length == 0 ? "" : $" [{refusal.ProblemType}]";
            var status = refusal.Status == 0 ? "" : refusal.Status.ToString(CultureInfo.InvariantCulture) + " ";
            text.AppendLine(CultureInfo.InvariantCulture, $"{refusal.Resource}: {refusal.Count:N0} × {refusal.Call} {status}{refusal.Message}{type}");
        }

        if (report.UncheckedDescriptors.Count > 0)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"Not checked, because the target does not show them: {string.Join(", ", report.UncheckedDescriptors)}.");
        }

        if (report.Recovered > 0)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"{report.Recovered:N0} calls of an interrupted run were made again first.");
        }

        if (report.StoppedBy is { } stopped)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"Stopped: {stopped.Message}. Run it again when that is mended: what was not answered is settled first.");
        }

        text.Append(Sentence(report));
        if (report.IsDryRun)
        {
            text.Append(CultureInfo.InvariantCulture, $" A run would send {report.Resources.Sum(r => r.Plan.Posts):N0} POST, {report.Resources.Sum(r => r.Plan.Puts):N0} PUT, {report.Resources.Sum(r => r.Plan.Deletes):N0} DELETE;");
        }
        else
        {
            var retries = report.Retries > 0 ? string.Create(CultureInfo.InvariantCulture, $", {report.Retries:N0} retries") : "";
            text.Append(CultureInfo.InvariantCulture, $" {report.Calls.Posts:N0} POST, {report.Calls.Puts:N0} PUT, {report.Calls.Deletes:N0} DELETE{retries};");
        }

        var rows = report.Resources.Sum(r => r.Plan.Scanned);
        var reading = report.SourceElapsed.TotalSeconds;
        text.AppendLine(CultureInfo.InvariantCulture, $" {report.Elapsed.TotalSeconds:N1} s, of which the source was read for {reading:N1} s{(reading >= 0.1 ? string.Create(CultureInfo.InvariantCulture, $" ({rows / reading:N0} rows/s)") : "")}.");
        return text.ToString();
    }

    private static string Sentence(SyncReport report) => report.Outcome switch
    {
        SyncOutcome.NothingToDo => "Nothing to do: the target is as the source.",
        SyncOutcome.Refusals when report.IsDryRun => "Dry run, with rows that would not be sent.",
        SyncOutcome.Refusals => "Done, with refusals.",
        SyncOutcome.Held => "Done but for what is held.",
        SyncOutcome.Stopped => "Stopped.",
        _ when report.IsDryRun => "Dry run.",
        _ => "Done.",
    };

    private static void AppendTable(
        StringBuilder text, IReadOnlyList<SyncResourceReport> resources, (string Title, Func<SyncResourceReport, long> Value)[] columns)
    {
        if (resources.Count == 0)
        {
            return;
        }

        var names = resources.Max(r => r.Resource.ToString().Length);
        var widths = columns.Select(c => Math.Max(c.Title.Length, resources.Max(r => Number(c.Value(r)).Length))).ToArray();
        text.Append("resource".PadRight(names));
        for (var i = 0; i < columns.Length; i++)
        {
            text.Append("  ").Append(columns[i].Title.PadLeft(widths[i]));
        }

        text.AppendLine();
        foreach (var resource in resources)
        {
            text.Append(resource.Resource.ToString().PadRight(names));
            for (var i = 0; i < columns.Length; i++)
            {
                text.Append("  ").Append(Number(columns[i].Value(resource)).PadLeft(widths[i]));
            }

            text.AppendLine();
        }
    }

    private static string Number(long value) => value == 0 ? "-" : value.ToString("N0", CultureInfo.InvariantCulture);

    /// <summary>One JSON object.</summary>
    public static void WriteJson(this SyncReport report, Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("verb", "sync " + report.Verb);
        json.WriteNumber("run", report.Run);
        json.WriteString("profile", report.Profile);
        json.WriteBoolean("newLedger", report.NewLedger is not null);
        json.WriteString("outcome", JsonNamingPolicy.CamelCase.ConvertName(report.Outcome.ToString()));
        json.WriteNumber("seconds", Math.Round(report.Elapsed.TotalSeconds, 3));
        json.WriteStartObject("source");
        json.WriteNumber("rows", report.Resources.Sum(r => r.Plan.Scanned));
        json.WriteNumber("seconds", Math.Round(report.SourceElapsed.TotalSeconds, 3));
        json.WriteEndObject();
        json.WriteStartObject("calls");
        json.WriteNumber("post", report.Calls.Posts);
        json.WriteNumber("put", report.Calls.Puts);
        json.WriteNumber("delete", report.Calls.Deletes);
        json.WriteEndObject();
        json.WriteNumber("requests", report.Requests);
        json.WriteNumber("retries", report.Retries);
        json.WriteNumber("recovered", report.Recovered);
        json.WriteObjects("resources", report.Resources, resource =>
        {
            json.WriteString("resource", resource.Resource.ToString());
            WritePlan(json, resource.Plan);
            json.WriteStartObject("done");
            json.WriteNumber("post", resource.Calls.Posted);
            json.WriteNumber("put", resource.Calls.Put);
            json.WriteNumber("delete", resource.Calls.Deleted);
            json.WriteEndObject();
            json.WriteNumber("failed", resource.Failed);
            json.WriteNumber("blocked", resource.Blocked);
            json.WriteNumber("deletesKept", resource.Plan.Kept + resource.Calls.DeletesKept);
            json.WriteNumber("deletesHeld", resource.Held?.Count ?? 0);
            json.WriteString("heldReason", resource.Held?.Reason);
        });
        json.WriteObjects("findings", report.Findings, finding => finding.WriteJson(json));
        json.WriteObjects("refusals", report.Refusals, refusal =>
        {
            json.WriteString("resource", refusal.Resource.ToString());
            json.WriteString("call", refusal.Call);
            json.WriteNumber("status", refusal.Status);
            json.WriteString("type", refusal.ProblemType);
            json.WriteString("message", refusal.Message);
            json.WriteNumber("count", refusal.Count);
        });
        json.WriteString("stoppedBy", report.StoppedBy?.Message);
        json.WriteEndObject();
    }

    /// <summary>The members of a finding, as every verb gives them.</summary>
    public static void WriteJson(this Finding finding, Utf8JsonWriter json)
    {
        json.WriteString("resource", finding.Resource.ToString());
        json.WriteString("kind", JsonNamingPolicy.CamelCase.ConvertName(finding.Kind.ToString()));
        json.WriteString("path", finding.Path);
        json.WriteString("text", finding.Text);
        json.WriteNumber("rows", finding.Rows);
        json.WriteNumber("schools", finding.Schools);
        json.WriteString("owner", finding.Owner);
    }

    private static void WritePlan(Utf8JsonWriter json, ReconcileCounts plan)
    {
        json.WriteNumber("known", plan.Known);
        json.WriteNumber("scanned", plan.Scanned);
        json.WriteNumber("same", plan.Same);
        json.WriteNumber("posts", plan.Posts);
        json.WriteNumber("puts", plan.Puts);
        json.WriteNumber("keyChanges", plan.KeyChanges);
        json.WriteNumber("keyChangesHeld", plan.HeldKeyChanges);
        json.WriteNumber("deletes", plan.Deletes);
        json.WriteNumber("invalid", plan.Invalid);
        json.WriteNumber("duplicates", plan.Duplicates);
        json.WriteNumber("waiting", plan.Waiting);
    }
}
