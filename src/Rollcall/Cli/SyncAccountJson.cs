using System.Text.Json;
using Rollcall.Exchange.Ledger;

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
        json.WriteStartArray("documents");
        foreach (var count in counts)
        {
            json.WriteStartObject();
            json.WriteString("resource", count.Resource);
            json.WriteString("status", count.Status.ToString().ToLowerInvariant());
            json.WriteBoolean("inDoubt", count.IsInDoubt);
            json.WriteNumber("count", count.Count);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteStartArray("errors");
        foreach (var error in errors)
        {
            json.WriteStartObject();
            json.WriteNumber("error", error.Group);
            json.WriteString("owner", error.Owner);
            json.WriteString("resource", error.Resource);
            json.WriteNumber("status", error.Http);
            json.WriteString("type", error.ProblemType);
            json.WriteString("message", error.Message);
            json.WriteNumber("documents", error.Documents);
            json.WriteString("firstSeen", error.FirstSeen);
            json.WriteString("lastSeen", error.LastSeen);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteStartArray("findings");
        foreach (var finding in findings)
        {
            Finding(json, finding);
        }

        json.WriteEndArray();
        json.WriteStartArray("runs");
        foreach (var run in runs)
        {
            json.WriteStartObject();
            json.WriteNumber("run", run.Run);
            json.WriteString("kind", run.Kind);
            json.WriteString("state", run.State);
            json.WriteString("actor", run.Actor);
            json.WriteString("approvedBy", run.ApprovedBy);
            json.WriteString("startedAt", run.StartedAt);
            json.WriteString("endedAt", run.EndedAt);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    public static void Why(Utf8JsonWriter json, IReadOnlyList<DocumentAccount> documents, IReadOnlyList<FindingLine> findings, bool showsDocument)
    {
        json.WriteStartObject();
        json.WriteString("verb", "sync why");
        json.WriteString("outcome", documents.Count + findings.Count > 0 ? "done" : "nothingToDo");
        json.WriteStartArray("documents");
        foreach (var document in documents)
        {
            json.WriteStartObject();
            json.WriteString("resource", document.Resource);
            json.WriteString("keyHash", document.KeyHash);
            json.WriteString("id", document.Id);
            json.WriteString("sourceKey", document.SourceKey);
            json.WriteString("status", document.Status.ToString().ToLowerInvariant());
            json.WriteString("inDoubt", document.InDoubt);
            json.WriteString("refusal", document.Refusal);
            json.WriteString("blockedBy", document.BlockedBy);
            json.WriteString("nextAttemptAt", document.NextAttemptAt);
            json.WriteStartArray("history");
            foreach (var entry in document.History)
            {
                json.WriteStartObject();
                json.WriteString("at", entry.At);
                json.WriteNumber("run", entry.Run);
                json.WriteString("call", entry.Call.ToLowerInvariant());
                json.WriteNumber("status", entry.Http);
                json.WriteString("before", entry.Before);
                json.WriteString("after", entry.After);
                json.WriteString("actor", entry.Actor);
                json.WriteEndObject();
            }

            json.WriteEndArray();
            if (showsDocument && document.SentBody is { } body)
            {
                json.WritePropertyName("document");
                json.WriteRawValue(body);
            }

            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteStartArray("findings");
        foreach (var finding in findings)
        {
            Finding(json, finding);
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void Finding(Utf8JsonWriter json, FindingLine finding)
    {
        json.WriteStartObject();
        json.WriteString("owner", finding.Owner);
        json.WriteString("resource", finding.Resource);
        json.WriteString("kind", finding.Kind);
        json.WriteString("path", finding.Path);
        json.WriteString("text", finding.Text);
        json.WriteNumber("rows", finding.Rows);
        json.WriteNumber("schools", finding.Schools);
        json.WriteStartArray("sourceKeys");
        foreach (var key in finding.SourceKeys)
        {
            json.WriteStringValue(key);
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }
}
