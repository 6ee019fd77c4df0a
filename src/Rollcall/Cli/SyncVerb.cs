using System.CommandLine;
using System.Globalization;
using Rollcall.Databases;
using Rollcall.Exchange.Client;
using Rollcall.Exchange.Ledger;
using Rollcall.Exchange.Sync;
using Rollcall.Exchange.Sync.Mapping;
using Rollcall.Exchange.Sync.Sources;
using Rollcall.Standard.Loading;

namespace Rollcall.Cli;

/// <summary><c>rollcall sync</c>: keeps an Ed-Fi API as a student information system's database says.</summary>
internal static class SyncVerb
{
    private const int PreviewsMax = 10;

    private static readonly Argument<string> _folder = new("PROFILE_FOLDER") { Description = "The mapping folder: profile.yaml, resources/*.sql, crosswalks/*.csv." };
    private static readonly Argument<string> _resource = new("RESOURCE") { Description = "A resource of the folder, for example students." };
    private static readonly Option<string?> _source = new("--source") { Description = "Connection of the source, in place of the profile's.", HelpName = "CONNECTION" };
    private static readonly Option<string?> _url = new("--url") { Description = "Address of the target, in place of the profile's.", HelpName = "U" };
    private static readonly Option<string?> _key = new("--key") { Description = "The client's key, in place of the profile's.", HelpName = "K" };
    private static readonly Option<string?> _secret = new("--secret") { Description = "The client's secret, in place of the profile's; also ${env:NAME} or ${file:PATH}.", HelpName = "S" };
    private static readonly Option<string?> _ledger = new("--ledger") { Description = "Path of the ledger, in place of the profile's; by default ledger.db in the folder.", HelpName = "FILE" };
    private static readonly Option<string[]> _parameters = new("--parameter") { Description = "A parameter of the queries, in place of the profile's.", HelpName = "NAME=VALUE" };
    private static readonly Option<string?> _approve = new("--approve-deletes")
    {
        Description = "Lets the deletes go that the last run held, as many as it showed and no more; NAME is kept with the run.",
        HelpName = "NAME",
    };

    private static readonly Option<string?> _sourceKey = new("--key") { Description = "Only the row with this @source_key.", HelpName = "K" };
    private static readonly Option<bool> _json = new("--json") { Description = "Prints the result as one JSON object on stdout." };

    public static Command Create()
    {
        var sync = new Command("sync", "Keeps an Ed-Fi API as a student information system's database says.")
        {
            new Command("run", "Reads the source, compares it with what was sent before, and sends the difference.")
            {
                _folder, _source, _url, _key, _secret, _ledger, _parameters, _approve, _json,
            }.WithExamples("""
                rollcall sync run ./mapping
                rollcall sync run ./mapping --url http://127.0.0.1:8001 --key sandbox --secret sandbox --json
                rollcall sync run ./mapping --approve-deletes 'R. Ortiz'
                """).OnRun((parsed, token) => GuardAsync(parsed, "sync run", () => RunAsync(parsed, false, token))),
            new Command("plan", "What a run would do; sends nothing.")
            {
                _folder, _source, _url, _key, _secret, _ledger, _parameters, _json,
            }.WithExamples("rollcall sync plan ./mapping").OnRun((parsed, token) => GuardAsync(parsed, "sync plan", () => RunAsync(parsed, true, token))),
            new Command("check", "Tries both connections and maps every row: aliases, types, codes. Writes nothing.")
            {
                _folder, _source, _url, _key, _secret, _parameters, _json,
            }.WithExamples("rollcall sync check ./mapping").OnRun((parsed, token) => GuardAsync(parsed, "sync check", () => CheckAsync(parsed, token))),
            new Command("preview", "Prints documents of a resource as they would be sent; asks no target. They are pupils' records.")
            {
                _folder, _resource, _source, _parameters, _sourceKey,
            }.WithExamples("rollcall sync preview ./mapping students --key 1001").OnRun((parsed, token) => GuardAsync(parsed, "sync preview", () => PreviewAsync(parsed, token))),
        };
        foreach (var name in (string[])["init", "scaffold", "apply", "watch", "retry", "resync", "verify", "adopt", "status", "why", "forget"])
        {
            var absent = new Command(name) { Hidden = true, TreatUnmatchedTokensAsErrors = false };
            sync.Add(absent.OnRun((_, _) => throw new CliException(ExitCodes.Usage, $"this build has no 'sync {name}'; it has run, plan, check and preview.")));
        }

        return sync;
    }

    private static Task<int> GuardAsync(ParseResult parsed, string verb, Func<Task<int>> run)
    {
        var isJson = parsed.CommandResult.Command.Options.Contains(_json) && parsed.GetValue(_json);
        return ExchangeErrors.GuardAsync(verb, isJson, async () =>
        {
            try
            {
                return await run();
            }
            catch (Exception e) when (Refused(e) is { } refused)
            {
                ExchangeErrors.PrintOutcome(verb, isJson, refused.Code == ExitCodes.Usage ? "usage" : "unavailable", refused.Message);
                throw new CliException(refused.Code, refused.Message, e);
            }
        });
    }

    private static (int Code, string Message)? Refused(Exception e) => e switch
    {
        MappingException mapping => (ExitCodes.Usage, string.Join(Environment.NewLine + "  ", mapping.Faults)),
        DatabaseUnusableException => (ExitCodes.Usage, e.Message),
        SisException sis => (sis.IsUnavailable ? ExitCodes.Unavailable : ExitCodes.Usage, $"{e.Message} Nothing was sent."),
        LedgerException ledger => (ledger.IsBusy ? ExitCodes.Unavailable : ExitCodes.Usage, e.Message),
        _ => null,
    };

    private static MappingFolder Read(ParseResult parsed, bool isTargetAsked = true)
    {
        string? Given(Option<string?> option) => parsed.CommandResult.Command.Options.Contains(option) && parsed.GetValue(option) is { } text ? SecretText.Resolve(text) : null;
        var overrides = new ProfileOverrides
        {
            SourceConnection = Given(_source),
            TargetUrl = isTargetAsked ? Given(_url) : "http://localhost",
            TargetKey = isTargetAsked ? Given(_key) : "-",
            TargetSecret = isTargetAsked ? Given(_secret) : "-",
            LedgerPath = Given(_ledger),
            Parameters = (parsed.GetValue(_parameters) ?? []).Select(p => p.Split('=', 2)).ToDictionary(
                p => p.Length == 2 ? p[0] : throw new CliException(ExitCodes.Usage, $"--parameter {p[0]}: NAME=VALUE is expected."), p => p[1], StringComparer.Ordinal),
        };
        return MappingFolder.Read(parsed.GetValue(_folder)!, CompactModelReader.EdFi52, overrides);
    }

    private static async Task<int> RunAsync(ParseResult parsed, bool isDryRun, CancellationToken cancellationToken)
    {
        var run = new SyncRun(Read(parsed), CompactModelReader.EdFi52, new SyncOptions
        {
            IsDryRun = isDryRun,
            ApproveDeletes = isDryRun ? null : parsed.GetValue(_approve),
        });
        SyncReport report;
        await using (Progress.Start(() => Snapshot(run.Progress)))
        {
            report = await run.RunAsync(cancellationToken);
        }

        if (parsed.GetValue(_json))
        {
            ExchangeErrors.PrintJson(report.WriteJson);
        }

        await (parsed.GetValue(_json) ? Console.Error : Console.Out).WriteAsync(report.ToText());
        return report.Outcome switch
        {
            SyncOutcome.Done => ExitCodes.Done,
            SyncOutcome.NothingToDo => ExitCodes.NothingToDo,
            SyncOutcome.Refusals => ExitCodes.Refusals,
            SyncOutcome.Held => ExitCodes.Held,
            _ => ExitCodes.Unavailable,
        };
    }

    private static ProgressSnapshot Snapshot(SyncProgress now) =>
        new(now.ToDo, now.Scanned, now.Done, now.Failed, now.Blocked, now.Requests, now.Concurrency);

    private static async Task<int> CheckAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        var check = new SyncCheck(Read(parsed), CompactModelReader.EdFi52, new ClientOptions());
        var resources = await check.RunAsync(cancellationToken);
        var isClean = check.Findings.Count == 0;
        if (parsed.GetValue(_json))
        {
            ExchangeErrors.PrintJson(json =>
            {
                json.WriteStartObject();
                json.WriteString("verb", "sync check");
                json.WriteString("outcome", isClean ? "done" : "refusals");
                json.WriteStartArray("resources");
                foreach (var resource in resources)
                {
                    json.WriteStartObject();
                    json.WriteString("resource", resource.Resource.ToString());
                    json.WriteNumber("rows", resource.Rows);
                    json.WriteNumber("invalid", resource.Invalid);
                    json.WriteEndObject();
                }

                json.WriteEndArray();
                json.WriteStartArray("findings");
                foreach (var finding in check.Findings)
                {
                    json.WriteStringValue(finding.ToString());
                }

                json.WriteEndArray();
                json.WriteEndObject();
            });
        }

        var output = parsed.GetValue(_json) ? Console.Error : Console.Out;
        foreach (var resource in resources)
        {
            await output.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"{resource.Resource,-50} {resource.Rows,12:N0} rows {(resource.Invalid == 0 ? "" : $"{resource.Invalid,10:N0} invalid")}"));
        }

        foreach (var finding in check.Findings)
        {
            await output.WriteLineAsync(finding.ToString());
        }

        await output.WriteLineAsync(isClean ? "Both connections work, and every row becomes a valid document." : "Both connections work. Nothing was sent.");
        return isClean ? ExitCodes.Done : ExitCodes.Refusals;
    }

    private static async Task<int> PreviewAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        var check = new SyncCheck(Read(parsed, isTargetAsked: false), CompactModelReader.EdFi52, new ClientOptions());
        var printed = 0;
        await check.PreviewAsync(parsed.GetValue(_resource)!, parsed.GetValue(_sourceKey), body =>
        {
            Console.Out.WriteLine(body);
            return ++printed < PreviewsMax;
        }, cancellationToken);
        foreach (var finding in check.Findings)
        {
            await Console.Error.WriteLineAsync(finding.ToString());
        }

        if (printed == 0)
        {
            await Console.Error.WriteLineAsync("No row becomes a document.");
        }

        return printed > 0 ? ExitCodes.Done : ExitCodes.NothingToDo;
    }
}
