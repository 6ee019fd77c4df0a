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
            "Copies everything from one Ed-Fi API to another. Takes the arguments, environment variables and settings files of the Ed-Fi API Publisher "
            + "(--sourceUrl, --sourceKey, --sourceSecret, --targetUrl, …; docs/publish.md has them all), and --verify, --dry-run, --json, --config FILE, --show-config, --rejected FILE.")
        {
            TreatUnmatchedTokensAsErrors = false,
        };
        return command.WithExamples("""
            rollcall publish --sourceUrl=http://127.0.0.1:8001 --sourceKey=sandbox --sourceSecret=sandbox --targetUrl=http://127.0.0.1:8002 --targetKey=sandbox --targetSecret=sandbox --includeDescriptors=true --verify
            rollcall publish --config publisherSettings.json --sourceUrl=… --sourceKey=… --sourceSecret='${env:SOURCE_SECRET}' --targetUrl=… --include=students,studentSchoolAssociations --whatIf=true
            """).OnRun((parsed, cancellationToken) =>
        {
            var isJson = IsJson(parsed.UnmatchedTokens);
            return ExchangeErrors.GuardAsync("publish", isJson, () => RunAsync(parsed.UnmatchedTokens, cancellationToken));
        });
    }

    internal static bool IsJson(IEnumerable<string> arguments) =>
        arguments.Any(a => a.Equals("--json", StringComparison.OrdinalIgnoreCase) || a.Equals("--json=true", StringComparison.OrdinalIgnoreCase));

    /// <summary>The settings in force, secrets masked.</summary>
    internal static void ShowConfig(IConfiguration settings)
    {
        foreach (var (path, value) in settings.AsEnumerable().Where(e => e.Value is not null).OrderBy(e => e.Key, StringComparer.OrdinalIgnoreCase))
        {
            Console.Out.WriteLine($"{path} = {(PublishName.Find(path) is { IsSecret: true } ? "(set)" : value)}");
        }
    }

    private static async Task<int> RunAsync(IReadOnlyList<string> arguments, CancellationToken cancellationToken)
    {
        var environment = Environment.GetEnvironmentVariables();
        var folder = Directory.GetCurrentDirectory();
        var settings = PublishArguments.Read(arguments, environment, folder);
        IReadOnlyList<string> notes = [];
        await using var store = NamedConnections.AreNamed(settings) ? ConnectionStores.Open(settings, environment, folder, TimeProvider.System) : null;
        if (store is not null)
        {
            (settings, notes) = await NamedConnections.CompleteAsync(settings, store, cancellationToken);
        }

        if (bool.TryParse(settings["Rollcall:ShowConfig"], out var show) && show)
        {
            ShowConfig(settings);
            return ExitCodes.Done;
        }

        var options = PublishOptions.From(settings, notes);
        options = options with { StateFolder = options.StateFolder ?? DefaultStateFolder() };
        if (options.Acknowledge is not null)
        {
            return await AcknowledgeAsync(options, store, IsJson(arguments), cancellationToken);
        }

        if (options.TargetFile is not null)
        {
            return await ExportAsync(options, IsJson(arguments), cancellationToken);
        }

        using var publish = await PublishRun.PrepareAsync(options, cancellationToken, store);
        var shown = publish.Notices.Count;
        foreach (var notice in publish.Notices)
        {
            await Console.Error.WriteLineAsync(notice);
        }

        if (options.WhatIf)
        {
            PrintPlan(publish);
            return ExitCodes.Done;
        }

        PublishReport report;
        await using (Progress.Start(() => LoadVerb.Snapshot(publish.Progress, publish.Target), options.ProgressEvery))
        {
            report = await publish.RunAsync(cancellationToken);
        }

        var (source, target) = (options.Source.Url.AbsoluteUri, options.Target.Url.AbsoluteUri);
        foreach (var notice in report.Notices.Skip(shown))
        {
            await Console.Error.WriteLineAsync(notice);
        }

        await Console.Error.WriteAsync(report.ToText(source, target));
        var verified = options.Verify && report.Outcome is "done" or "refusals" && !options.DryRun ? await VerifyAsync(options, cancellationToken) : null;
        if (IsJson(arguments))
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

    private static async Task<int> ExportAsync(PublishOptions options, bool isJson, CancellationToken cancellationToken)
    {
        using var export = await SqliteExport.PrepareAsync(options, cancellationToken);
        if (options.WhatIf || options.DryRun)
        {
            foreach (var resource in export.Resources)
            {
                Console.Out.WriteLine(resource.Path);
            }

            return ExitCodes.Done;
        }

        IReadOnlyList<(Standard.Model.ResourceName Resource, long Documents, Exchange.Client.ApiFailure? Failure)> results;
        await using (Progress.Start(
            () => new ProgressSnapshot(export.Progress.Expected, export.Progress.Offered, export.Progress.Done, 0, 0, export.Requests, 0), options.ProgressEvery))
        {
            results = await export.RunAsync(cancellationToken);
        }

        var isWhole = results.All(r => r.Failure is null);
        await Console.Error.WriteAsync(SqliteExport.TextOf(results, options.Source.ToString(), options.TargetFile!));
        if (isJson)
        {
            ExchangeErrors.PrintJson(json =>
            {
                json.WriteStartObject();
                json.WriteString("verb", "publish");
                json.WriteString("outcome", isWhole ? "done" : "refusals");
                json.WriteString("source", options.Source.ToString());
                json.WriteString("targetFile", options.TargetFile);
                json.WriteNumber("documents", results.Sum(r => r.Documents));
                json.WriteStartArray("resources");
                foreach (var (resource, documents, failure) in results)
                {
                    json.WriteStartObject();
                    json.WriteString("resource", resource.Path);
                    json.WriteNumber("documents", documents);
                    if (failure is not null)
                    {
                        json.WriteString("notReadToTheEnd", failure.Message);
                    }

                    json.WriteEndObject();
                }

                json.WriteEndArray();
                json.WriteEndObject();
            });
        }

        return isWhole ? ExitCodes.Done : ExitCodes.Refusals;
    }

    private static async Task<int> AcknowledgeAsync(PublishOptions options, IConnectionStore? store, bool isJson, CancellationToken cancellationToken)
    {
        var (setAside, moved) = await PublishRun.AcknowledgeAsync(options, store, cancellationToken);
        await Console.Error.WriteLineAsync(string.Create(
            CultureInfo.InvariantCulture,
            $"Run {options.Acknowledge} is accepted without {setAside:N0} documents.{(moved is { } version ? $" Last change version processed for {options.TargetName}: {version}." : "")}"));
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
    private static void PrintPlan(PublishRun publish)
    {
        var chosen = publish.Resources.ToHashSet();
        var plan = publish.Order.Only(chosen.Contains);
        foreach (var step in plan.Steps.Where(s => !s.IsRepeat))
        {
            var before = step.Before.Select(b => plan.Steps[b].Resource).Distinct().ToList();
            Console.Out.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{step.Resource.Path}{(before.Count == 0 ? "" : " after " + string.Join(", ", before.Take(8).Select(b => b.Endpoint)) + (before.Count > 8 ? $" and {before.Count - 8} more" : ""))}"));
        }
    }
}
