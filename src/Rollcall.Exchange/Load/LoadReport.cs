using System.Text.Json;
using Rollcall.Exchange.Delivery;

namespace Rollcall.Exchange.Load;

/// <summary>What a load did; enough to know what is at the target without looking.</summary>
public sealed record LoadReport(DeliveryReport Delivery, LoadPlan Plan, TimeSpan Elapsed, long Requests, long Retries)
{
    /// <summary><c>done</c>, <c>refusals</c>, <c>unavailable</c>, <c>interrupted</c> or <c>nothing</c>.</summary>
    public string Outcome => Delivery switch
    {
        { IsInterrupted: true } => "interrupted",
        { StoppedBy: not null } => "unavailable",
        { IsClean: false } => "refusals",
        { Offered: 0 } => "nothing",
        _ => "done",
    };

    public string Where(long tag) => $"{Plan.Files[LoadRun.FileOf(tag)]}:{LoadRun.LineOf(tag)}";

    public string ToText(string target) => ReportText.Of(Delivery, $"to {target}", Elapsed, (tag, _) => Where(tag));

    /// <summary>One JSON object for <c>--json</c>.</summary>
    public void WriteJson(Utf8JsonWriter json, string target)
    {
        json.WriteStartObject();
        json.WriteString("verb", "load");
        json.WriteString("outcome", Outcome);
        json.WriteString("target", target);
        ReportJson.Write(json, Delivery, Elapsed, Requests, Retries, (w, tag, _) =>
        {
            w.WriteString("file", Plan.Files[LoadRun.FileOf(tag)]);
            w.WriteNumber("line", LoadRun.LineOf(tag));
        });
        json.WriteEndObject();
    }
}
