using System.CommandLine;
using System.Runtime.InteropServices;
using Rollcall.Serve;

namespace Rollcall.Cli;

/// <summary><c>rollcall serve</c>: an Ed-Fi API over SQLite or PostgreSQL.</summary>
internal static class ServeVerb
{
    public static Command Create()
    {
        var settings = new ServeSettings();
        var command = new Command("serve", "Serves an Ed-Fi API from a SQLite file or a PostgreSQL database.");
        settings.AddTo(command);
        command.Add(ServeClientVerb.Create());
        command.Add(ServeKeysVerb.Create());
        command.Add(ServeIndexVerb.Create());
        return command.WithExamples("""
            rollcall serve --sandbox
            rollcall serve --database district.db --urls http://127.0.0.1:8001
            rollcall serve --database '${env:EDFI_DATABASE}'
            rollcall serve client add --name "Limitless SIS" --claim-set "Ed-Fi Sandbox" --database district.db
            """).OnRun((parsed, cancellationToken) => RunAsync(settings, parsed, cancellationToken));
    }

    private static async Task<int> RunAsync(ServeSettings settings, ParseResult parsed, CancellationToken cancellationToken)
    {
        var options = settings.Read(parsed);
        if (settings.WantsToBeShown(parsed))
        {
            await ServeSettings.ShowAsync(options, Console.Out);
            return ExitCodes.Done;
        }

        // SIGTERM is how a service is stopped, and no failure; Ctrl-C says so by its own code.
        var isTerminated = false;
        using var termination = PosixSignalRegistration.Create(PosixSignal.SIGTERM, _ => isTerminated = true);
        await using var host = await StartAsync(options, cancellationToken);
        if (options.Sandbox)
        {
            await Console.Out.WriteLineAsync("sandbox: key sandbox, secret sandbox, may do everything; standard descriptors and school years are loaded");
        }

        foreach (var address in host.Addresses)
        {
            await Console.Out.WriteLineAsync($"listening on {address}{options.PathBase}");
        }

        try
        {
            await Task.Delay(Timeout.Infinite, cancellationToken);
        }
        catch (OperationCanceledException)
        {
            await host.StopAsync(CancellationToken.None);
        }

        return isTerminated ? ExitCodes.Done : ExitCodes.Interrupted;
    }

    private static async Task<ServeHost> StartAsync(ServeOptions options, CancellationToken cancellationToken)
    {
        try
        {
            return await ServeHost.StartAsync(options, cancellationToken);
        }
        catch (ServeStartException failure)
        {
            throw ToCli(failure);
        }
    }

    public static CliException ToCli(ServeStartException failure) =>
        new(failure.IsUnavailable ? ExitCodes.Unavailable : ExitCodes.Usage, failure.Message, failure);
}
