using System.CommandLine;
using System.Globalization;
using Rollcall.Exchange;
using Rollcall.Exchange.Ledger;
using static Rollcall.Cli.SyncOptionSet;

namespace Rollcall.Cli;

/// <summary><c>sync audit</c>: the trail of every call that was answered, from the ledger alone.</summary>
internal static class SyncAuditVerb
{
    private static readonly Option<string?> _since = new("--since") { Description = "Only from this time on: a date, or a date and time of UTC.", HelpName = "TIME" };
    private static readonly Option<long?> _run = new("--run") { Description = "Only this run.", HelpName = "NUMBER" };
    private static readonly Option<string?> _resource = new("--resource") { Description = "Only documents of this resource.", HelpName = "RESOURCE" };

    public static Command Create() =>
        new Command("audit", "Every call that was answered: when, by whom, which document, its hashes before and after. Holds no record.") { Folder, Ledger, Config, LogLevel, _since, _run, _resource, Json }
            .WithExamples("""
                rollcall sync audit ./mapping --since 2026-09-14
                rollcall sync audit ./mapping --run 17 --json
                """).OnRun((parsed, _) => GuardAsync(parsed, "sync audit", () => Task.FromResult(Audit(parsed))));

    private static int Audit(ParseResult parsed)
    {
        var since = parsed.GetValue(_since) switch
        {
            null => null,
            var text when DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var at) =>
                at.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture),
            var text => throw new CliException(ExitCodes.Usage, $"--since: '{text}' is no date or time."),
        };
        var (name, path) = ReadProfile(parsed);
        using var ledger = LedgerAccount.Open(path, name);
        var lines = ledger.Trail(since, parsed.GetValue(_run), ResourceName(parsed, _resource));
        var count = 0L;
        if (parsed.GetValue(Json))
        {
            ExchangeErrors.PrintJson(json =>
            {
                json.WriteStartObject();
                json.WriteString("verb", "sync audit");
                json.WriteString("outcome", "done");
                json.WriteObjects("calls", lines, line =>
                {
                    count++;
                    json.WriteString("at", line.At);
                    json.WriteNumber("run", line.Run);
                    json.WriteString("resource", line.Resource);
                    json.WriteString("call", line.Call.ToLowerInvariant());
                    json.WriteNumber("status", line.Http);
                    json.WriteString("id", line.Id);
                    json.WriteString("keyHash", line.Key);
                    json.WriteString("before", line.Before);
                    json.WriteString("after", line.After);
                    json.WriteString("actor", line.Actor);
                    if (line.ErrorGroup is { } group)
                    {
                        json.WriteNumber("error", group);
                    }
                });
                json.WriteEndObject();
            });
        }
        else
        {
            foreach (var line in lines)
            {
                count++;
                Console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture,
                    $"{line.At} run {line.Run} {line.Call.ToUpperInvariant()} {line.Resource} {line.Key} {line.Http} {line.Before ?? "-"} -> {line.After ?? "-"}{(line.Actor is null ? "" : $" by {line.Actor}")}"));
            }
        }

        return count > 0 ? ExitCodes.Done : ExitCodes.NothingToDo;
    }
}
