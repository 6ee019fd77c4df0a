using System.CommandLine;
using Microsoft.Extensions.Logging.Abstractions;
using Rollcall.Serve;
using Rollcall.Serve.Security;
using Rollcall.Serve.Storage;

namespace Rollcall.Cli;

/// <summary><c>rollcall serve keys</c>: the keys that sign tokens, in the API's database; servers may be running meanwhile.</summary>
internal static class ServeKeysVerb
{
    public static Command Create() => new Command("keys", "Rotates the key that signs tokens.") { Rotate() };

    private static Command Rotate()
    {
        var endTokens = new Option<bool>("--end-tokens")
        {
            Description = "Ends all tokens that are alive, within seconds: for a key that others may know. Clients ask for new ones.",
        };
        var command = new Command("rotate", "Adds a key that signs from now on; tokens of the old one stay good until they end.") { endTokens };
        var settings = new ServeSettings();
        settings.AddDatabaseTo(command);
        return command.OnRun(async (parsed, cancellationToken) =>
        {
            var options = ServeSettings.AtHome(settings.Read(parsed));
            if (!options.IsPostgres && !File.Exists(options.Database))
            {
                throw new CliException(ExitCodes.Usage, $"there is no database {options.Database}; --database names it.");
            }

            try
            {
                await using var stores = await ServeStores.OpenAsync(
                    options, ServeHost.LoadModel(options), TimeProvider.System, NullLogger.Instance, cancellationToken);
                var key = await new SigningKeys(stores.Credentials, TimeProvider.System).RotateAsync(parsed.GetValue(endTokens), cancellationToken);
                await Console.Out.WriteLineAsync($"key {key} signs from now on");
                return ExitCodes.Done;
            }
            catch (ServeStartException failure)
            {
                throw ServeVerb.ToCli(failure);
            }
            catch (StoreUnavailableException failure)
            {
                throw new CliException(ExitCodes.Unavailable, failure.Message, failure);
            }
        }).WithExamples("""
            rollcall serve keys rotate --database district.db
            rollcall serve keys rotate --end-tokens --database '${env:EDFI_DATABASE}'
            """);
    }
}
