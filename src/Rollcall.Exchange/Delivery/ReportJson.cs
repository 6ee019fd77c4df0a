using System.Text.Json;

namespace Rollcall.Exchange.Delivery;

/// <summary>A delivery's account as members of a JSON result: a documented contract for orchestrators, in <c>docs/load.md</c>.</summary>
internal static class ReportJson
{
    /// <param name="writeSample">Writes the members that name a sample from its tag and id.</param>
    public static void Write(
        Utf8JsonWriter json, DeliveryReport report, TimeSpan elapsed, long requests, long retries, Action<Utf8JsonWriter, long, Guid> writeSample)
    {
        json.WriteNumber("documents", report.Offered);
        json.WriteNumber("created", report.Resources.Sum(r => r.Created));
        json.WriteNumber("updated", report.Resources.Sum(r => r.Updated));
        json.WriteNumber("wouldSend", report.Resources.Sum(r => r.WouldSend));
        json.WriteNumber("warned", report.Warned);
        json.WriteNumber("refused", report.Refused);
        json.WriteNumber("unsettled", report.Unsettled);
        json.WriteNumber("seconds", Math.Round(elapsed.TotalSeconds, 3));
        json.WriteNumber("documentsPerSecond", Math.Round(report.Done / Math.Max(elapsed.TotalSeconds, 1e-3), 1));
        json.WriteNumber("requests", requests);
        json.WriteNumber("retries", retries);
        if (report.StoppedBy is { } stopped)
        {
            json.WriteStartObject("stoppedBy");
            json.WriteString("stage", stopped.Stage.ToString());
            json.WriteString("kind", stopped.Kind.ToString());
            json.WriteNumber("status", stopped.Status);
            json.WriteString("message", stopped.Message);
            json.WriteEndObject();
        }

        json.WriteObjects("resources", report.Resources, r =>
        {
            json.WriteString("resource", r.Resource.Path);
            json.WriteNumber("documents", r.Offered);
            json.WriteNumber("created", r.Created);
            json.WriteNumber("updated", r.Updated);
            json.WriteNumber("warned", r.Warned);
            json.WriteNumber("refused", r.Refused);
            json.WriteNumber("unsettled", r.Unsettled);
            json.WriteNumber("heldBack", r.HeldBack);
            if (r.FeedFailure is { } failure)
            {
                json.WriteString("notReadToTheEnd", failure.Message);
            }
        });
        json.WriteObjects("refusals", report.Resources.SelectMany(r => r.Causes.Select(c => (Resource: r, Cause: c))), refusal =>
        {
            var (r, cause) = refusal;
            json.WriteString("resource", r.Resource.Path);
            json.WriteString("severity", cause.Settlement == Settlement.Warned ? "warning" : "refusal");
            json.WriteNumber("status", cause.Failure.Status);
            json.WriteString("type", cause.Failure.ProblemType);
            json.WriteString("message", cause.Failure.Message);
            json.WriteNumber("count", cause.Count);
            json.WriteObjects("samples", cause.Samples, s => writeSample(json, s.Tag, s.Id));
        });
    }
}
