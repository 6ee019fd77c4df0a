using System.Text.Json;
using Rollcall.Exchange.Delivery;
using Rollcall.Standard.Model;

namespace Rollcall.Exchange.Publish;

/// <summary>What a publish did.</summary>
/// <param name="Requests">Sent to the target.</param>
/// <param name="SourceRequests">Sent to the source.</param>
public sealed record PublishReport(
    DeliveryReport Delivery, IReadOnlyList<ResourceName> NotAtSource, IReadOnlyList<ResourceName> NotAtTarget, IReadOnlyList<string> Notices,
    TimeSpan Elapsed, long Requests, long Retries, long SourceRequests)
{
    /// <summary><c>done</c>, <c>refusals</c>, <c>unavailable</c> or <c>interrupted</c>.</summary>
    public string Outcome => Delivery switch
    {
        { IsInterrupted: true } => "interrupted",
        { StoppedBy: not null } => "unavailable",
        { IsClean: false } => "refusals",
        _ => "done",
    };

    public string ToText(string source, string target) =>
        ReportText.Of(Delivery, $"from {source} to {target}", Elapsed, (_, id) => id.ToString("N"));

    /// <summary>Writes the result's members into an object that is open.</summary>
    public void WriteJson(Utf8JsonWriter json, string source, string target)
    {
        json.WriteString("verb", "publish");
        json.WriteString("outcome", Outcome);
        json.WriteString("source", source);
        json.WriteString("target", target);
        ReportJson.Write(json, Delivery, Elapsed, Requests, Retries, (w, _, id) => w.WriteString("sourceId", id.ToString("N")));
        json.WriteNumber("sourceRequests", SourceRequests);
        WriteNames(json, "notAtSource", NotAtSource);
        WriteNames(json, "notAtTarget", NotAtTarget);
        json.WriteStartArray("notices");
        foreach (var notice in Notices)
        {
            json.WriteStringValue(notice);
        }

        json.WriteEndArray();
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
