using System.CommandLine;
using System.Globalization;
using Rollcall.Exchange.Sync;
using static Rollcall.Cli.SyncOptionSet;

namespace Rollcall.Cli;

/// <summary>The sub-verbs that bring ledger and target back together: <c>verify</c> and <c>adopt</c>.</summary>
internal static class SyncRepairVerbs
{
    private static readonly Option<bool> _repair = new("--repair") { Description = "Sends what is missing or changed: a complete run follows the comparison." };
    private static readonly Option<bool> _all = new("--all") { Description = "Takes every document of the mapped resources, also those that no row has: the source owns them, and the next run may delete them." };

    public static IEnumerable<Command> All() =>
    [
        new Command("verify", "Compares the target with what the ledger says was sent: missing, changed, not ours.") { Folder, _repair, Actor }
            .WithConnections().WithExamples("""
                rollcall sync verify ./mapping
                rollcall sync verify ./mapping --repair
                """).OnRun((parsed, token) => GuardAsync(parsed, "sync verify", () => VerifyAsync(parsed, token))),
        new Command("adopt", "Takes documents that are at the target already into the ledger, by natural key; sends nothing.") { Folder, _all, Actor }
            .WithConnections().WithExamples("rollcall sync adopt ./mapping")
            .OnRun((parsed, token) => GuardAsync(parsed, "sync adopt", () => AdoptAsync(parsed, token))),
    ];

    private static async Task<int> VerifyAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        var repairs = parsed.GetValue(_repair);
        var options = new SyncOptions { Kind = "verify", Actor = NameOfUser(parsed) };
        var folder = Read(parsed);
        var verify = new SyncVerify(folder, folder.Standard, options);
        IReadOnlyList<VerifiedResource> resources;
        await using (Progress.Start(() => SyncRunVerbs.Snapshot(verify.Progress)))
        {
            resources = await verify.RunAsync(repairs, cancellationToken);
        }

        var isEqual = resources.All(r => r.Missing + r.Changed == 0);
        var output = parsed.GetValue(Json) ? Console.Error : Console.Out;
        foreach (var r in resources)
        {
            await output.WriteLineAsync(string.Create(CultureInfo.InvariantCulture,
                $"{r.Resource,-50} same {r.Same,10:N0}  missing {r.Missing,8:N0}  changed {r.Changed,8:N0}  not ours {r.Foreign,8:N0}"));
        }

        if (repairs && !isEqual)
        {
            await output.WriteLineAsync("Sending what is missing or changed:");
            return await SyncRunVerbs.RunAsync(parsed, new SyncOptions { Kind = "verify" }, cancellationToken);
        }

        if (parsed.GetValue(Json))
        {
            Print("sync verify", isEqual ? "same" : "different", resources.Select(r => (
                r.Resource.ToString(), new[] { ("same", r.Same), ("missing", r.Missing), ("changed", r.Changed), ("foreign", r.Foreign) })));
        }

        await output.WriteLineAsync(isEqual ? "The target holds everything as it was sent." : "The target is not as it was sent; --repair sends what is missing or changed.");
        return isEqual ? ExitCodes.Done : ExitCodes.Refusals;
    }

    private static async Task<int> AdoptAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        var folder = Read(parsed);
        var adopt = new SyncAdopt(folder, folder.Standard, new SyncOptions { Kind = "adopt", Actor = NameOfUser(parsed) });
        IReadOnlyList<AdoptedResource> resources;
        await using (Progress.Start(() => SyncRunVerbs.Snapshot(adopt.Progress)))
        {
            resources = await adopt.RunAsync(parsed.GetValue(_all), cancellationToken);
        }

        if (parsed.GetValue(Json))
        {
            Print("sync adopt", "done", resources.Select(r => (r.Resource.ToString(), new[] { ("adopted", r.Adopted), ("known", r.Known), ("foreign", r.Foreign) })));
        }

        var output = parsed.GetValue(Json) ? Console.Error : Console.Out;
        if (adopt.Said is { } said)
        {
            await output.WriteLineAsync(said);
        }

        foreach (var r in resources)
        {
            await output.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"{r.Resource,-50} adopted {r.Adopted,10:N0}  known before {r.Known,8:N0}  left alone {r.Foreign,8:N0}"));
        }

        await output.WriteLineAsync("Nothing was sent. The next run sends what differs.");
        return ExitCodes.Done;
    }

    private static void Print(string verb, string outcome, IEnumerable<(string Resource, (string Name, long Value)[] Counts)> resources) => ExchangeErrors.PrintJson(json =>
    {
        json.WriteStartObject();
        json.WriteString("verb", verb);
        json.WriteString("outcome", outcome);
        json.WriteStartArray("resources");
        foreach (var (resource, counts) in resources)
        {
            json.WriteStartObject();
            json.WriteString("resource", resource);
            foreach (var (name, value) in counts)
            {
                json.WriteNumber(name, value);
            }

            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    });
}
