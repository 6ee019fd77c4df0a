using System.CommandLine;
using System.Globalization;
using System.Text;
using Rollcall.Exchange.Ledger;
using static Rollcall.Cli.SyncOptionSet;

namespace Rollcall.Cli;

/// <summary>The sub-verbs that give an account from the ledger alone: <c>status</c>, <c>why</c>, <c>forget</c>.</summary>
internal static class SyncAccountVerbs
{
    private const int KeysShown = 5;
    private static readonly Option<int> _runs = new("--runs") { Description = "How many runs of the history.", DefaultValueFactory = _ => 5 };
    private static readonly Option<string?> _resource = new("--resource") { Description = "Only documents of this resource.", HelpName = "RESOURCE" };
    private static readonly Option<bool> _document = new("--show-document") { Description = "Also prints the document that was sent last, if it was refused or has no answer. It is a pupil's record." };
    private static readonly Option<bool> _lines = new("--unlink")
    {
        Description = "Also forgets that the document is at the target: a run neither updates nor deletes it unless its row is read again.",
    };

    public static IEnumerable<Command> All() =>
    [
        new Command("status", "Where everything stands: documents, open causes of trouble with their owner, the last runs.") { Folder, Ledger, Config, LogLevel, _runs, Json }
            .WithExamples("rollcall sync status ./mapping").OnRun((parsed, _) => GuardAsync(parsed, "sync status", () => Task.FromResult(Status(parsed)))),
        new Command("why", "The history of one document: what was sent, what came back, what it waits for.") { Folder, Key, Ledger, Config, LogLevel, _resource, _document, Json }
            .WithExamples("""
                rollcall sync why ./mapping 604822
                rollcall sync why ./mapping "255901001|604822|2026-08-31" --resource studentSchoolAssociations
                """).OnRun((parsed, _) => GuardAsync(parsed, "sync why", () => Task.FromResult(Why(parsed)))),
        new Command("forget", "Removes bodies, history and named rows of one key from the ledger. The target is not touched.") { Folder, Key, Ledger, Config, LogLevel, _resource, _lines, Json }
            .WithExamples("rollcall sync forget ./mapping 604822").OnRun((parsed, _) => GuardAsync(parsed, "sync forget", () => Task.FromResult(Forget(parsed)))),
    ];

    private static int Status(ParseResult parsed)
    {
        var (name, path) = ReadProfile(parsed);
        using var ledger = LedgerAccount.Open(path, name);
        var (counts, errors, findings, runs) = (ledger.Counts(), ledger.Errors(), ledger.Findings(), ledger.Runs(parsed.GetValue(_runs)));
        var isClean = errors.Count == 0 && findings.Count == 0 && counts.All(c => c is { Status: DocStatus.Synced, IsInDoubt: false });
        if (parsed.GetValue(Json))
        {
            ExchangeErrors.PrintJson(json => SyncAccountJson.Status(json, name, isClean, counts, errors, findings, runs));
            return isClean ? ExitCodes.Done : ExitCodes.Refusals;
        }

        foreach (var resource in counts.GroupBy(c => c.Resource))
        {
            var parts = resource.Select(c => string.Create(CultureInfo.InvariantCulture, $"{c.Count:N0} {(c.IsInDoubt ? "in doubt" : c.Status.ToString().ToLowerInvariant())}"));
            Console.Out.WriteLine($"{resource.Key,-50} {string.Join(", ", parts)}");
        }

        foreach (var error in errors)
        {
            Console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"[{error.Owner}] {error.Resource}: {error.Documents:N0} documents: {error.Http} {error.Message} (error {error.Group}, since {error.FirstSeen})"));
        }

        foreach (var finding in findings)
        {
            var keys = finding.SourceKeys.Count == 0 ? "" : $"; @source_key {string.Join(", ", finding.SourceKeys.Take(KeysShown))}{(finding.SourceKeys.Count > KeysShown ? ", …" : "")}";
            Console.Out.WriteLine($"[{finding.Finding.Owner}] {finding.Finding}{keys}");
        }

        foreach (var run in runs)
        {
            Console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"run {run.Run} {run.Kind}: {run.State}, {run.StartedAt} to {run.EndedAt ?? "(no end)"}{(run.Actor is null ? "" : $", by {run.Actor}")}{(run.ApprovedBy is null ? "" : $", deletes approved by {run.ApprovedBy}")}"));
        }

        return isClean ? ExitCodes.Done : ExitCodes.Refusals;
    }

    private static int Why(ParseResult parsed)
    {
        var (name, path) = ReadProfile(parsed);
        using var ledger = LedgerAccount.Open(path, name);
        var key = parsed.GetValue(Key)!;
        var found = ledger.Find(ResourceName(parsed, _resource), key, HashesOf(parsed, key));
        var rows = ledger.Findings().Where(f => f.SourceKeys.Contains(key, StringComparer.Ordinal)).ToList();
        var showsDocument = parsed.GetValue(_document);
        if (parsed.GetValue(Json))
        {
            ExchangeErrors.PrintJson(json => SyncAccountJson.Why(json, found, rows, showsDocument));
            return found.Count + rows.Count > 0 ? ExitCodes.Done : ExitCodes.NothingToDo;
        }

        foreach (var finding in rows)
        {
            Console.Out.WriteLine($"{(finding.Finding.IsRefusal ? "The row was not sent" : "The row was sent")}, being one of these: {finding.Finding} (owner: {finding.Finding.Owner})");
        }

        foreach (var document in found)
        {
            Console.Out.WriteLine($"{document.Resource} {document.KeyHash}: {document.Status.ToString().ToLowerInvariant()}{(document.InDoubt is null ? "" : $", a {document.InDoubt} has no answer yet")}");
            Line("id at the target", document.Id);
            Line("@source_key", document.SourceKey);
            Line("refused", document.Refusal is null ? null : $"{document.LastHttp} {document.Refusal}");
            Line("waits until", document.NextAttemptAt);
            Line("waits for", document.BlockedBy);
            foreach (var entry in document.History)
            {
                Console.Out.WriteLine($"  {entry.At} run {entry.Run}: {entry.Call.ToUpperInvariant()} {entry.Http}{(entry.Actor is null ? "" : $" by {entry.Actor}")}{(entry.ErrorGroup is null ? "" : $", error {entry.ErrorGroup}")}");
            }

            if (showsDocument && document.SentBody is { } body)
            {
                Console.Out.WriteLine(Encoding.UTF8.GetString(body));
            }
        }

        if (found.Count + rows.Count == 0)
        {
            Console.Out.WriteLine("The ledger knows no such document. Is its row in the query's result ('sync preview'), and the key spelt as in the document?");
        }

        return found.Count + rows.Count > 0 ? ExitCodes.Done : ExitCodes.NothingToDo;

        static void Line(string title, string? value)
        {
            if (value is not null)
            {
                Console.Out.WriteLine($"  {title}: {value}");
            }
        }
    }

    private static int Forget(ParseResult parsed)
    {
        var (name, path) = ReadProfile(parsed);
        int forgotten;
        using (LedgerAccount.Open(path, name))
        {
            // Only to refuse a profile that is not there, before anything is opened for writing.
        }

        using (var ledger = SyncLedger.OpenExisting(path, name, TimeProvider.System))
        {
            var key = parsed.GetValue(Key)!;
            forgotten = LedgerForget.Run(ledger, ResourceName(parsed, _resource), key, HashesOf(parsed, key), parsed.GetValue(_lines));
        }

        if (parsed.GetValue(Json))
        {
            ExchangeErrors.PrintJson(json =>
            {
                json.WriteStartObject();
                json.WriteString("verb", "sync forget");
                json.WriteString("outcome", forgotten > 0 ? "done" : "nothingToDo");
                json.WriteNumber("documents", forgotten);
                json.WriteEndObject();
            });
        }
        else
        {
            Console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{forgotten:N0} documents' bodies and history are gone from the ledger. Nothing was sent."));
        }

        return forgotten > 0 ? ExitCodes.Done : ExitCodes.NothingToDo;
    }
}
