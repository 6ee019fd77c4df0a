using Rollcall.Exchange.Client;
using Rollcall.Exchange.Publish;
using Rollcall.Standard.Model;

namespace Rollcall.Cli;

/// <summary><c>rollcall publish</c> with a SQLite file as target.</summary>
internal static class PublishToFile
{
    public static async Task<int> RunAsync(PublishOptions options, LogLines log, bool isJson, CancellationToken cancellationToken)
    {
        using var export = await SqliteExport.PrepareAsync(options, cancellationToken);
        if (log.ShowsNotices)
        {
            foreach (var warning in options.Warnings)
            {
                await Console.Error.WriteLineAsync(warning);
            }
        }

        if (options.WhatIf)
        {
            PrintPlan(options, export, isJson);
            return ExitCodes.Done;
        }

        IReadOnlyList<(ResourceName Resource, long Documents, ApiFailure? Failure)> results;
        await using (log.ShowsProgress ? Progress.Start(
            () => new ProgressSnapshot(export.Progress.Expected, export.Progress.Offered, export.Progress.Done, 0, 0, export.Requests, 0), options.ProgressEvery) : null)
        {
            results = await export.RunAsync(cancellationToken);
        }

        if (log.ShowsProgress)
        {
            await Console.Error.WriteAsync(SqliteExport.TextOf(results, options));
        }

        var isWhole = results.All(r => r.Failure is null);
        if (isJson)
        {
            PrintResult(options, results, isWhole);
        }

        return isWhole ? ExitCodes.Done : ExitCodes.Refusals;
    }

    private static void PrintPlan(PublishOptions options, SqliteExport export, bool isJson)
    {
        if (!isJson)
        {
            foreach (var resource in export.Resources)
            {
                Console.Out.WriteLine(resource.Path);
            }

            return;
        }

        ExchangeErrors.PrintJson(json =>
        {
            json.WriteStartObject();
            json.WriteString("verb", "publish");
            json.WriteString("outcome", "done");
            json.WriteBoolean("whatIf", true);
            json.WriteString("source", options.Source.ToString());
            json.WriteString("targetFile", options.TargetFile);
            json.WriteStartArray("resources");
            foreach (var resource in export.Resources)
            {
                json.WriteStartObject();
                json.WriteString("resource", resource.Path);
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteEndObject();
        });
    }

    private static void PrintResult(PublishOptions options, IReadOnlyList<(ResourceName Resource, long Documents, ApiFailure? Failure)> results, bool isWhole) =>
        ExchangeErrors.PrintJson(json =>
        {
            json.WriteStartObject();
            json.WriteString("verb", "publish");
            json.WriteString("outcome", isWhole ? "done" : "refusals");
            json.WriteString("source", options.Source.ToString());
            json.WriteString("targetFile", isWhole || options.DryRun ? options.TargetFile : SqliteExport.FreshNameOf(options.TargetFile!));
            json.WriteBoolean("dryRun", options.DryRun);
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
