using System.CommandLine;
using System.Globalization;
using Rollcall.Exchange.Sync;
using static Rollcall.Cli.SyncOptionSet;

namespace Rollcall.Cli;

/// <summary><c>sync watch</c>: runs until it is ended, and sends what changes as it changes.</summary>
internal static class SyncWatchVerb
{
    private static readonly Option<bool> _once = new("--once") { Description = "Ends when no change is left: for an orchestrator that runs it every few minutes." };
    private static readonly Option<bool> _remove = new("--remove") { Description = "Takes the slot, the publication, the triggers and the outbox of this profile out of the source, and ends." };

    public static Command Create() =>
        new Command("watch", "Runs until it is ended: a change that is committed in the source is in the target a moment later.") { Folder, _once, _remove, Actor }
            .WithConnections().WithExamples("""
                rollcall sync watch ./mapping
                rollcall sync watch ./mapping --once --json
                rollcall sync watch ./mapping --remove
                """).OnRun((parsed, token) => GuardAsync(parsed, "sync watch", () => WatchAsync(parsed, token)));

    private static async Task<int> WatchAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        var folder = Read(parsed);
        var output = parsed.GetValue(Json) ? Console.Error : Console.Out;
        if (parsed.GetValue(_remove))
        {
            await SyncWatch.RemoveAsync(folder, cancellationToken);
            const string said = "Change capture is out of the source. The next 'watch' begins with a complete scan.";
            await output.WriteLineAsync(said);
            ExchangeErrors.PrintOutcome("sync watch", parsed.GetValue(Json), "done", said);
            return ExitCodes.Done;
        }

        using var logs = Logs(parsed);
        using var telemetry = Telemetry.Plan()?.Start();
        var (batches, refused, held, posts, puts, deletes) = (0L, false, false, 0L, 0L, 0L);
        var watch = new SyncWatch(folder, folder.Standard, new SyncOptions { Kind = "watch", Actor = NameOfUser(parsed), Log = logs.CreateLogger("sync") })
        {
            Said = text => output.WriteLine(text),
            Reported = report =>
            {
                batches += report.Outcome == SyncOutcome.NothingToDo ? 0 : 1;
                refused |= report.Outcome == SyncOutcome.Refusals;
                held |= report.Outcome == SyncOutcome.Held;
                (posts, puts, deletes) = (posts + report.Calls.Posts, puts + report.Calls.Puts, deletes + report.Calls.Deletes);
                output.WriteLine(string.Create(CultureInfo.InvariantCulture,
                    $"{report.Calls.Posts} POST, {report.Calls.Puts} PUT, {report.Calls.Deletes} DELETE in {report.Elapsed.TotalMilliseconds:F0} ms{Trouble(report)}"));
            },
        };
        try
        {
            await watch.RunAsync(parsed.GetValue(_once), cancellationToken);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            Print("interrupted");
            await Console.Error.WriteLineAsync("rollcall sync watch: interrupted.");
            return ExitCodes.Interrupted;
        }

        Print(held ? "held" : refused ? "refusals" : batches > 0 ? "done" : "nothingToDo");
        return held ? ExitCodes.Held : refused ? ExitCodes.Refusals : batches > 0 ? ExitCodes.Done : ExitCodes.NothingToDo;

        void Print(string outcome)
        {
            if (parsed.GetValue(Json))
            {
                ExchangeErrors.PrintJson(json =>
                {
                    json.WriteStartObject();
                    json.WriteString("verb", "sync watch");
                    json.WriteString("outcome", outcome);
                    json.WriteNumber("batches", batches);
                    json.WriteStartObject("calls");
                    json.WriteNumber("post", posts);
                    json.WriteNumber("put", puts);
                    json.WriteNumber("delete", deletes);
                    json.WriteEndObject();
                    json.WriteEndObject();
                });
            }
        }
    }

    private static string Trouble(SyncReport report)
    {
        var held = report.Resources.Sum(r => (r.Held?.Count ?? 0) + r.Plan.HeldKeyChanges);
        var refused = report.Resources.Sum(r => r.Failed + r.Blocked + r.Plan.Invalid + r.Plan.Duplicates);
        return $"{(refused > 0 ? FormattableString.Invariant($"; {refused} not sent, see 'sync status'") : "")}{(held > 0 ? FormattableString.Invariant($"; {held} held for a decision") : "")}";
    }
}
