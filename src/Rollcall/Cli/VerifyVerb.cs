using System.CommandLine;
using System.Globalization;
using Microsoft.Extensions.Configuration;
using Rollcall.Exchange.Publish;
using Rollcall.Exchange.State;
using Rollcall.Exchange.Verify;

namespace Rollcall.Cli;

/// <summary><c>rollcall verify</c>: are two Ed-Fi APIs equal?</summary>
internal static class VerifyVerb
{
    public static Command Create()
    {
        var command = new Command(
            "verify",
            "Compares two Ed-Fi APIs by natural key and content: per resource, how many documents are the same, missing, extra, different. "
            + "Takes publish's connection and selection arguments (docs/verify.md), and --json, --config FILE, --show-config, --log-level LEVEL. Ends with 0 when equal, 2 when not.")
        {
            TreatUnmatchedTokensAsErrors = false,
        };
        return command.WithNames(PublishName.All.Where(n => n is { IsForVerify: true, Switch: not null }).Select(n => n.Shown), "docs/verify.md").WithExamples("""
            rollcall verify --sourceUrl=http://127.0.0.1:8001 --sourceKey=sandbox --sourceSecret=sandbox --targetUrl=http://127.0.0.1:8002 --targetKey=sandbox --targetSecret=sandbox
            rollcall verify --sourceUrl=… --sourceKey=… --sourceSecret=… --targetUrl=… --targetKey=… --targetSecret=… --includeOnly=students --json
            """).OnRun((parsed, cancellationToken) =>
                PublishVerb.GuardAsync("verify", parsed.UnmatchedTokens, (settings, isJson) => RunAsync(settings, isJson, cancellationToken)));
    }

    internal static ProgressSnapshot Snapshot(VerifyRun verify) => new(
        verify.Progress.Expected, verify.Progress.Read, verify.Progress.Compared, verify.Progress.Unlike, 0, verify.Requests, 0);

    private static async Task<int> RunAsync(IConfigurationRoot settings, bool isJson, CancellationToken cancellationToken)
    {
        await using var store = NamedConnections.AreNamed(settings)
            ? ConnectionStores.Open(settings, Environment.GetEnvironmentVariables(), Directory.GetCurrentDirectory(), TimeProvider.System) : null;
        if (store is not null)
        {
            (settings, _) = await NamedConnections.CompleteAsync(settings, store, cancellationToken);
        }

        if (SettingReader.Truth(settings, "Rollcall:ShowConfig"))
        {
            PublishVerb.ShowConfig(settings);
            return ExitCodes.Done;
        }

        using var log = LogLines.Start(settings["Rollcall:LogLevel"]);
        if (!int.TryParse(settings["Options:StreamingPagesWaitDurationSeconds"] ?? "10", NumberStyles.None, CultureInfo.InvariantCulture, out var seconds) || seconds < 1)
        {
            throw new CliException(ExitCodes.Usage, $"--streamingPagesWaitDurationSeconds: '{settings["Options:StreamingPagesWaitDurationSeconds"]}' is not a number of seconds from 1.");
        }

        var options = VerifySettings.From(settings);
        using var verify = await VerifyRun.PrepareAsync(options, cancellationToken);
        foreach (var notice in log.ShowsNotices ? verify.Notices : [])
        {
            await Console.Error.WriteLineAsync(notice);
        }

        VerifyReport report;
        await using (!log.ShowsProgress ? null : Progress.Start(() => Snapshot(verify), TimeSpan.FromSeconds(seconds)))
        {
            report = await verify.RunAsync(cancellationToken);
        }

        var (source, target) = (options.Source.Url.AbsoluteUri, options.Target.Url.AbsoluteUri);
        if (isJson)
        {
            ExchangeErrors.PrintJson(json =>
            {
                json.WriteStartObject();
                report.WriteJson(json, source, target);
                json.WriteEndObject();
            });
        }

        if (log.ShowsProgress)
        {
            await Console.Error.WriteAsync(report.ToText(source, target));
        }

        return report.IsEqual ? ExitCodes.Done : ExitCodes.Refusals;
    }
}
