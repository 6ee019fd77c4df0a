using System.CommandLine;
using System.Globalization;
using Microsoft.Extensions.Configuration;
using Rollcall.Exchange.Publish;
using Rollcall.Exchange.State;
using Rollcall.Exchange.Verify;

namespace Rollcall.Cli;

/// <summary><c>rollcall publish</c>: copies one Ed-Fi API to another, with the API Publisher's arguments, variables and files.</summary>
internal static class PublishVerb
{
    public static Command Create()
    {
        var command = new Command(
            "publish",
            "Brings one Ed-Fi API's documents to another: all of them, or, between named connections, what has changed since the last run: changed keys, new and changed "
            + "documents, deletes. A run that was ended goes on where it was."
            + "\n\nTakes the arguments, environment variables, settings files and configuration stores of the Ed-Fi API Publisher: --sourceUrl, --sourceKey, --sourceSecret, --targetUrl, "
            + "--targetKey, --targetSecret, or --sourceName and --targetName; --include, --exclude, --includeDescriptors=true, --ignoreIsolation=true, --whatIf=true … (docs/publish.md has "
            + "every one with its default)."
            + "\n\nRollcall's own: --verify compares both sides afterwards; --dry-run reads everything and writes nothing; --json prints one result on stdout; --rejected FILE takes refused "
            + "documents; --acknowledge RUN accepts what a run set aside; --restart begins anew; --state FOLDER says where it is kept how far a run has come; --config FILE, --show-config; "
            + "--log-level trace, debug, information, warning, error or none."
            + "\n\nEnds with 0 done, 2 done with refusals, 4 wrong settings, 5 an API or the store is away, 130 interrupted.")
        {
            TreatUnmatchedTokensAsErrors = false,
        };
        return command.WithNames(PublishName.All.Where(n => n is { Support: NameSupport.Yes, Switch: not null }).Select(n => n.Shown), "docs/publish.md").WithExamples("""
            rollcall publish --sourceUrl=http://127.0.0.1:8001 --sourceKey=sandbox --sourceSecret=sandbox --targetUrl=http://127.0.0.1:8002 --targetKey=sandbox --targetSecret=sandbox --includeDescriptors=true --verify
            rollcall publish --sourceName=Hometown --targetName=State
            rollcall publish --sourceName=Hometown --targetName=State --ignoreIsolation=true --includeDescriptors=true --json
            rollcall publish --sourceName=Hometown --targetName=State --acknowledge 12
            rollcall publish --sourceUrl=https://api.example.org --sourceKey=… --sourceSecret='${env:SOURCE_SECRET}' --targetType=sqlite --targetFile=school.db
            rollcall publish --config publisherSettings.json --sourceUrl=… --sourceKey=… --sourceSecret='${env:SOURCE_SECRET}' --targetUrl=… --include=students,studentSchoolAssociations --whatIf=true
            """).OnRun((parsed, cancellationToken) =>
                GuardAsync("publish", parsed.UnmatchedTokens, (settings, isJson) => RunAsync(settings, isJson, cancellationToken)));
    }

    /// <summary>Reads the settings and runs a verb by them, with its failures told in the form that arguments, environment and file ask for.</summary>
    internal static Task<int> GuardAsync(string verb, IReadOnlyList<string> arguments, Func<IConfigurationRoot, bool, Task<int>> run)
    {
        var environment = Environment.GetEnvironmentVariables();
        var isJson = PublishArguments.AsksForJson(arguments, environment);
        return ExchangeErrors.GuardAsync(verb, () => isJson, () =>
        {
            var settings = PublishArguments.Read(arguments, environment, Directory.GetCurrentDirectory(), forVerify: verb == "verify");
            isJson = SettingReader.Truth(settings, "Rollcall:Json");
            return run(settings, isJson);
        });
    }

    /// <summary>The settings in force, secrets masked.</summary>
    internal static void ShowConfig(IConfiguration settings)
    {
        foreach (var (path, value) in settings.AsEnumerable().Where(e => e.Value is not null).OrderBy(e => e.Key, StringComparer.OrdinalIgnoreCase))
        {
            Console.Out.WriteLine($"{path} = {(PublishName.Find(path) is { IsSecret: true } ? "(set)" : value)}");
        }
    }

    private static async Task<int> RunAsync(IConfigurationRoot settings, bool isJson, CancellationToken cancellationToken)
    {
        IReadOnlyList<string> notes = [];
        await using var store = NamedConnections.AreNamed(settings)
            ? ConnectionStores.Open(settings, Environment.GetEnvironmentVariables(), Directory.GetCurrentDirectory(), TimeProvider.System) : null;
        if (store is not null)
        {
            (settings, notes) = await NamedConnections.CompleteAsync(settings, store, cancellationToken);
        }

        if (SettingReader.Truth(settings, "Rollcall:ShowConfig"))
        {
            ShowConfig(settings);
            return ExitCodes.Done;
        }

        var options = PublishOptions.From(settings, notes);
        options = options with { StateFolder = options.StateFolder ?? DefaultStateFolder() };
        using var log = LogLines.Start(settings["Rollcall:LogLevel"]);
        if (options.Acknowledge is not null)
        {
            return await AcknowledgeAsync(options, store, log, isJson, cancellationToken);
        }

        if (options.TargetFile is not null)
        {
            return await PublishToFile.RunAsync(options, log, isJson, cancellationToken);
        }

        var told = Telemetry.Plan();
        using var publish = await PublishRun.PrepareAsync(options, cancellationToken, store);
        // Ends before what it tells of does: the last figures are read then.
        using var telemetry = told?.Start();
        var shown = publish.Notices.Count;
        await NoticeAsync(log, publish.Notices);

        if (options.WhatIf)
        {
            PrintPlan(publish, isJson);
            return ExitCodes.Done;
        }

        PublishReport report;
        await using (log.ShowsProgress ? Progress.Start(() => LoadVerb.Snapshot(publish.Progress, publish.Target), options.ProgressEvery, publish.Progress.InWork) : null)
        {
            report = await publish.RunAsync(cancellationToken);
        }

        var (source, target) = (options.Source.Url.AbsoluteUri, options.Target.Url.AbsoluteUri);
        await NoticeAsync(log, report.Notices.Skip(shown));
        if (log.ShowsProgress)
        {
            await Console.Error.WriteAsync(report.ToText(source, target));
        }

        var verified = options.Verify && report.Outcome is "done" or "refusals" && !options.DryRun ? await VerifyAsync(options, cancellationToken) : null;
        if (isJson)
        {
            ExchangeErrors.PrintJson(json =>
            {
                json.WriteStartObject();
                report.WriteJson(json, source, target);
                if (verified is not null)
                {
                    json.WriteStartObject("verification");
                    verified.WriteJson(json, source, target);
                    json.WriteEndObject();
                }

                json.WriteEndObject();
            });
        }

        return report.Outcome switch
        {
            "done" => verified is { IsEqual: false } ? ExitCodes.Refusals : ExitCodes.Done,
            "interrupted" => ExitCodes.Interrupted,
            "unavailable" => ExitCodes.Unavailable,
            _ => ExitCodes.Refusals,
        };
    }

    private static async Task NoticeAsync(LogLines log, IEnumerable<string> notices)
    {
        foreach (var notice in log.ShowsNotices ? notices : [])
        {
            await Console.Error.WriteLineAsync(notice);
        }
    }

    private static async Task<int> AcknowledgeAsync(PublishOptions options, IConnectionStore? store, LogLines log, bool isJson, CancellationToken cancellationToken)
    {
        var (setAside, moved) = await PublishRun.AcknowledgeAsync(options, store, cancellationToken);
        await NoticeAsync(log, [string.Create(
            CultureInfo.InvariantCulture,
            $"Run {options.Acknowledge} is accepted without {setAside:N0} documents.{(moved is { } version ? $" Last change version processed for {options.TargetName}: {version}." : "")}")]);
        if (isJson)
        {
            ExchangeErrors.PrintJson(json =>
            {
                json.WriteStartObject();
                json.WriteString("verb", "publish");
                json.WriteString("outcome", "done");
                json.WriteNumber("acknowledged", options.Acknowledge!.Value);
                json.WriteNumber("setAside", setAside);
                if (moved is { } version)
                {
                    json.WriteNumber("lastChangeVersionProcessed", version);
                }

                json.WriteEndObject();
            });
        }

        return ExitCodes.Done;
    }

    /// <summary>This user's own data folder; without a home, the working folder.</summary>
    private static string DefaultStateFolder() =>
        Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData, Environment.SpecialFolderOption.DoNotVerify) is { Length: > 0 } data
            ? Path.Combine(data, "rollcall") : Path.GetFullPath("rollcall-state");

    private static async Task<VerifyReport> VerifyAsync(PublishOptions options, CancellationToken cancellationToken)
    {
        using var verify = await VerifyRun.PrepareAsync(VerifySettings.After(options), cancellationToken);
        VerifyReport report;
        await using (Progress.Start(() => VerifyVerb.Snapshot(verify), options.ProgressEvery))
        {
            report = await verify.RunAsync(cancellationToken);
        }

        await Console.Error.WriteAsync(report.ToText(options.Source.Url.AbsoluteUri, options.Target.Url.AbsoluteUri));
        return report;
    }

    /// <summary>What-if: each resource in order, with the resources of the selection that it waits for.</summary>
    private static void PrintPlan(PublishRun publish, bool isJson)
    {
        var chosen = publish.Resources.ToHashSet();
        var order = publish.Order.Only(chosen.Contains);
        var plan = order.Steps.Where(s => !s.IsRepeat)
            .Select(s => (s.Resource, After: s.Before.Select(b => order.Steps[b].Resource).Distinct().ToList())).ToList();
        if (isJson)
        {
            ExchangeErrors.PrintJson(json =>
            {
                json.WriteStartObject();
                json.WriteString("verb", "publish");
                json.WriteString("outcome", "done");
                json.WriteBoolean("whatIf", true);
                json.WriteStartArray("resources");
                foreach (var (resource, after) in plan)
                {
                    json.WriteStartObject();
                    json.WriteString("resource", resource.Path);
                    json.WriteTexts("after", after.Select(r => r.Path));
                    json.WriteEndObject();
                }

                json.WriteEndArray();
                json.WriteTexts("notAtSource", publish.NotAtSource.Select(r => r.Path));
                json.WriteTexts("notAtTarget", publish.NotAtTarget.Select(r => r.Path));
                json.WriteTexts("notices", publish.Notices);
                json.WriteEndObject();
            });
            return;
        }

        foreach (var (resource, after) in plan)
        {
            Console.Out.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{resource.Path}{(after.Count == 0 ? "" : " after " + string.Join(", ", after.Take(8).Select(b => b.Endpoint)) + (after.Count > 8 ? $" and {after.Count - 8} more" : ""))}"));
        }
    }
}
