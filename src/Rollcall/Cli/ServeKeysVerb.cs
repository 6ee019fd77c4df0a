using System.CommandLine;
using Rollcall.Serve.Security;

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
        return new Command("rotate", "Adds a key that signs from now on; tokens of the old one stay good until they end.") { endTokens }
            .OnDatabase(ServeSettings.AtHome, async (stores, _, parsed, cancellationToken) =>
            {
                var key = await new SigningKeys(stores.Credentials, TimeProvider.System).RotateAsync(parsed.GetValue(endTokens), cancellationToken);
                await Console.Out.WriteLineAsync($"key {key} signs from now on");
                return ExitCodes.Done;
            }).WithExamples("""
            rollcall serve keys rotate --database district.db
            rollcall serve keys rotate --end-tokens --database '${env:EDFI_DATABASE}'
            """);
    }
}
