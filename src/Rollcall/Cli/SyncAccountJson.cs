using System.Text.Json;
using Rollcall.Exchange;
using Rollcall.Exchange.Ledger;
using Rollcall.Exchange.Sync;

namespace Rollcall.Cli;

/// <summary>The accounts of <c>sync status</c> and <c>sync why</c> for programs.</summary>
internal static class SyncAccountJson
{
    public static void Status(
        Utf8JsonWriter json, string profile, bool isClean, IReadOnlyList<StatusCount> counts, IReadOnlyList<ErrorLine> errors, IReadOnlyList<FindingLine> findings,
        IReadOnlyList<RunLine> runs)
    {
        json.WriteStartObject();
        json.WriteString("verb", "sync status");
        json.WriteString("outcome", isClean ? "done" : "refusals");
        json.WriteString("profile", profile);
        json.WriteObjects("documents", counts, count =>
        {
            json.WriteString("resource", count.Resource);
            json.WriteString("status", count.Status.ToString().ToLowerInvariant());
            json.WriteBoolean("inDoubt", count.IsInDoubt);
            json.WriteNumber("count", count.Count);
        });
        json.WriteObjects("errors", errors, error =>
        {
            json.WriteNumber("error", error.Group);
            json.WriteString("owner", error.Owner);
            json.WriteString("resource", error.Resource);
            json.WriteNumber("status", error.Http);
            json.WriteString("type", error.ProblemType);
            json.WriteString("message", error.Message);
            json.WriteNumber("documents", error.Documents);
            json.WriteString("firstSeen", error.FirstSeen);
            json.WriteString("lastSeen", error.LastSeen);
        });
        json.WriteObjects("findings", findings, finding => Finding(json, finding));
        json.WriteObjects("runs", runs, run =>
        {
            json.WriteNumber("run", run.Run);
            json.WriteString("kind", run.Kind);
            json.WriteString("state", run.State);
            json.WriteString("actor", run.Actor);
            json.WriteString("approvedBy", run.ApprovedBy);
            json.WriteString("startedAt", run.StartedAt);
            json.WriteString("endedAt", run.EndedAt);
        });
        json.WriteEndObject();
    }

    public static void Why(Utf8JsonWriter json, IReadOnlyList<DocumentAccount> documents, IReadOnlyList<FindingLine> findings, bool showsDocument)
    {
        json.WriteStartObject();
        json.WriteString("verb", "sync why");
        json.WriteString("outcome", documents.Count + findings.Count > 0 ? "done" : "nothingToDo");
        json.WriteObjects("documents", documents, document =>
        {
            json.WriteString("resource", document.Resource);
            json.WriteString("keyHash", document.KeyHash);
            json.WriteString("id", document.Id);
            json.WriteString("sourceKey", document.SourceKey);
            json.WriteString("status", document.Status.ToString().ToLowerInvariant());
            json.WriteString("inDoubt", document.InDoubt);
            json.WriteString("refusal", document.Refusal);
            json.WriteString("blockedBy", document.BlockedBy);
            json.WriteString("nextAttemptAt", document.NextAttemptAt);
            json.WriteObjects("history", document.History, entry =>
            {
                json.WriteString("at", entry.At);
                json.WriteNumber("run", entry.Run);
                json.WriteString("call", entry.Call.ToLowerInvariant());
                json.WriteNumber("status", entry.Http);
                json.WriteString("before", entry.Before);
                json.WriteString("after", entry.After);
                json.WriteString("actor", entry.Actor);
            });
            if (showsDocument && document.SentBody is { } body)
            {
                json.WritePropertyName("document");
                json.WriteRawValue(body);
            }
        });
        json.WriteObjects("findings", findings, finding => Finding(json, finding));
        json.WriteEndObject();
    }

    private static void Finding(Utf8JsonWriter json, FindingLine finding)
    {
        finding.Finding.WriteJson(json);
        json.WriteTexts("sourceKeys", finding.SourceKeys);
    }
}
