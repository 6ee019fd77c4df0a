using System.CommandLine;
using Rollcall.Exchange.Sync;
using static Rollcall.Cli.SyncOptionSet;

namespace Rollcall.Cli;

/// <summary>The sub-verbs that plan and send: <c>run</c>, <c>plan</c>, <c>apply</c>, <c>retry</c>, <c>resync</c>.</summary>
internal static class SyncRunVerbs
{
    private static readonly Option<long?> _error = new("--error") { Description = "Only what was refused for this cause, and what it blocks: the number that 'sync status' shows.", HelpName = "NUMBER" };
    private static readonly Option<int?> _status = new("--status") { Description = "Only what was refused with this HTTP status, and what it blocks.", HelpName = "HTTP" };
    private static readonly Option<string?> _school = new("--school") { Description = "Only rows whose @scope is this school.", HelpName = "CODE" };
    private static readonly Option<string?> _student = new("--student") { Description = "Only rows of the pupil with this studentUniqueId.", HelpName = "ID" };

    public static IEnumerable<Command> All() =>
    [
        new Command("run", "Reads the source, compares it with what was sent before, and sends the difference.")
        {
            Folder, Approve, Fresh, DryRun, Actor,
        }.WithConnections().WithExamples("""
            rollcall sync run ./mapping
            rollcall sync run ./mapping --url http://127.0.0.1:8001 --key sandbox --secret sandbox --json
            rollcall sync run ./mapping --ledger "Host=db;Database=ledger" --approve-deletes 'R. Ortiz'
            """).OnRun((parsed, token) => GuardAsync(parsed, "sync run", () => RunAsync(parsed, new SyncOptions
            {
                IsDryRun = parsed.GetValue(DryRun),
                Kind = parsed.GetValue(DryRun) ? "plan" : "run",
                ApproveDeletes = parsed.GetValue(DryRun) ? null : parsed.GetValue(Approve),
                IsFresh = parsed.GetValue(Fresh),
            }, token))),
        new Command("plan", "What a run would do; sends nothing and keeps the plan in the ledger for 'sync apply'.") { Folder, Actor }
            .WithConnections().WithExamples("rollcall sync plan ./mapping")
            .OnRun((parsed, token) => GuardAsync(parsed, "sync plan", () => RunAsync(parsed, new SyncOptions { IsDryRun = true, IsPlanKept = true, Kind = "plan" }, token))),
        new Command("apply", "Sends what the last 'sync plan' planned, if nothing has run since.") { Folder, Approve, Fresh, Actor }
            .WithConnections().WithExamples("rollcall sync apply ./mapping --approve-deletes 'R. Ortiz'")
            .OnRun((parsed, token) => GuardAsync(parsed, "sync apply", () => RunAsync(parsed, new SyncOptions
            {
                Kind = "apply", ApproveDeletes = parsed.GetValue(Approve), IsFresh = parsed.GetValue(Fresh),
            }, token))),
        new Command("retry", "Sends again what was refused, blocked or invalid, without waiting for its time.") { Folder, Resources, _error, _status, Actor }
            .WithConnections().WithExamples("""
                rollcall sync retry ./mapping
                rollcall sync retry ./mapping --status 403
                """)
            .OnRun((parsed, token) => GuardAsync(parsed, "sync retry", () => RunAsync(parsed, new SyncOptions
            {
                Kind = "retry",
                Only = new SyncSelection { Resources = Given(parsed.GetValue(Resources)), Retry = new RetryFilter(parsed.GetValue(_error), parsed.GetValue(_status)) },
            }, token))),
        new Command("resync", "Sends a part of the source again, whether it has changed or not.") { Folder, Resources, _school, _student, RowKey, Actor }
            .WithConnections().WithExamples("""
                rollcall sync resync ./mapping --resource students
                rollcall sync resync ./mapping --student 604822
                rollcall sync resync ./mapping --school 044 --resource studentSchoolAssociations
                """)
            .OnRun((parsed, token) => GuardAsync(parsed, "sync resync", () => RunAsync(parsed, new SyncOptions
            {
                Kind = "resync",
                Only = Part(parsed),
            }, token))),
    ];

    private static string[]? Given(string[]? values) => values is { Length: > 0 } ? values : null;

    private static SyncSelection Part(ParseResult parsed)
    {
        var part = new SyncSelection
        {
            Resources = Given(parsed.GetValue(Resources)),
            School = parsed.GetValue(_school),
            Student = parsed.GetValue(_student),
            SourceKeys = Given(parsed.GetValue(RowKey)),
            IsResend = true,
        };
        if (part is { Resources: null, School: null, Student: null, SourceKeys: null })
        {
            throw new CliException(ExitCodes.Usage, "say what: --resource, --school, --student or --row.");
        }

        return (part.School, part.Student, part.SourceKeys) is (null, null, _) or (null, _, null) or (_, null, null) ? part
            : throw new CliException(ExitCodes.Usage, "only one of --school, --student and --row can be given; each may be combined with --resource.");
    }

    public static async Task<int> RunAsync(ParseResult parsed, SyncOptions options, CancellationToken cancellationToken)
    {
        using var logs = Logs(parsed);
        using var telemetry = Telemetry.Plan()?.Start();
        var folder = Read(parsed);
        var run = new SyncRun(folder, folder.Standard, options with { Actor = NameOfUser(parsed), Log = logs.CreateLogger("sync") });
        SyncReport report;
        await using (Progress.Start(() => Snapshot(run.Progress)))
        {
            report = options.Kind == "apply" ? await run.ApplyAsync(cancellationToken) : await run.RunAsync(cancellationToken);
        }

        if (parsed.GetValue(Json))
        {
            ExchangeErrors.PrintJson(report.WriteJson);
        }

        await (parsed.GetValue(Json) ? Console.Error : Console.Out).WriteAsync(report.ToText());
        return CodeOf(report.Outcome);
    }

    public static int CodeOf(SyncOutcome outcome) => outcome switch
    {
        SyncOutcome.Done => ExitCodes.Done,
        SyncOutcome.NothingToDo => ExitCodes.NothingToDo,
        SyncOutcome.Refusals => ExitCodes.Refusals,
        SyncOutcome.Held => ExitCodes.Held,
        _ => ExitCodes.Unavailable,
    };

    public static ProgressSnapshot Snapshot(SyncProgress now) =>
        new(now.ToDo, now.Scanned, now.Done, now.Failed, now.Blocked, now.Requests, now.Concurrency);
}
