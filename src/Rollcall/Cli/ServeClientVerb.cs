using System.CommandLine;
using System.Text.Encodings.Web;
using System.Text.Json;
using Rollcall.Serve.Authorization;
using Rollcall.Serve.Security;
using Rollcall.Serve.Storage;

namespace Rollcall.Cli;

/// <summary><c>rollcall serve client</c>: the clients of an API, in its database; the server may be running meanwhile.</summary>
internal static class ServeClientVerb
{
    private static readonly Option<bool> Json = new("--json") { Description = "Prints the result as one JSON value." };

    public static Command Create() => new Command("client", "Adds, lists, resets and removes the clients of an API.") { Add(), List(), Reset(), Remove() };

    private static Command Add()
    {
        var name = new Option<string>("--name") { Description = "Who it is, for people.", HelpName = "NAME", Required = true };
        var claimSet = new Option<string>("--claim-set")
        {
            Description = "What it may do: a claim set's name, such as \"SIS Vendor\" or \"Ed-Fi Sandbox\".",
            HelpName = "NAME",
            Required = true,
        };
        var key = new Option<string?>("--key") { Description = "Its key: letters, digits, - and _. Made up when left out.", HelpName = "K" };
        var organizations = new Option<long[]>("--education-organization")
        {
            Description = "Id of an education organization that it works for; repeatable.",
            HelpName = "ID",
            AllowMultipleArgumentsPerToken = true,
        };
        var prefixes = new Option<string[]>("--namespace-prefix")
        {
            Description = "Beginning of the namespaces that it may use, such as uri://ed-fi.org; repeatable.",
            HelpName = "URI",
            AllowMultipleArgumentsPerToken = true,
        };
        var profiles = new Option<string[]>("--assign-profile")
        {
            Description = "Name of a profile through which it sees and writes; repeatable.",
            HelpName = "NAME",
            AllowMultipleArgumentsPerToken = true,
        };
        var instances = new Option<long[]>("--instance")
        {
            Description = "Id of an instance that it may use; repeatable. All of the server's when left out.",
            HelpName = "ID",
            AllowMultipleArgumentsPerToken = true,
        };
        var owners = new Option<long[]>("--ownership-token")
        {
            Description = "Ownership token whose documents it may use, where the server runs with --ownership; repeatable.",
            HelpName = "ID",
            AllowMultipleArgumentsPerToken = true,
        };
        var creator = new Option<long?>("--creator-ownership-token") { Description = "Ownership token that documents get which it creates.", HelpName = "ID" };
        var command = new Command("add", "Adds a client and prints its key and secret, which is shown only now.")
        {
            name, claimSet, key, organizations, prefixes, profiles, instances, owners, creator, Json,
        };
        return Over(command, async (accounts, claimSets, parsed, cancellationToken) =>
        {
            var wanted = parsed.GetValue(key);
            if (wanted is not null && (wanted.Length is 0 or > 100 || !wanted.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_')))
            {
                throw new CliException(ExitCodes.Usage, "--key takes 1 to 100 letters, digits, - and _: anything else is mangled by some client.");
            }

            var set = parsed.GetValue(claimSet)!;
            var sets = await claimSets.ListAsync(cancellationToken);
            if (sets.All(s => s.LooseName != ClaimSet.Loose(set)))
            {
                throw new CliException(ExitCodes.Usage, $"--claim-set: there is no '{set}' in this database. There are: {string.Join(", ", sets.Select(s => s.Name))}.");
            }

            if (parsed.GetValue(organizations)!.Any(i => i <= 0))
            {
                throw new CliException(ExitCodes.Usage, "--education-organization takes ids, which are greater than 0.");
            }

            var client = new ApiClient(
                wanted ?? SecretHash.NewKey(), parsed.GetValue(name)!, "", set, parsed.GetValue(prefixes)!, [.. parsed.GetValue(organizations)!.Distinct()], 0, true)
            {
                Profiles = parsed.GetValue(profiles)!,
                InstanceIds = parsed.GetValue(instances)!,
                OwnershipTokens = [.. parsed.GetValue(owners)!.Distinct()],
                CreatorOwnershipToken = parsed.GetValue(creator),
            };
            var added = await accounts.AddAsync(client, cancellationToken)
                ?? throw new CliException(ExitCodes.Usage, $"there is a client '{wanted}' already; 'serve client reset {wanted}' gives it a new secret.");
            Print(parsed, added);
            return ExitCodes.Done;
        }).WithExamples("""
            rollcall serve client add --name "Limitless SIS" --claim-set "Ed-Fi Sandbox" --database district.db
            rollcall serve client add --name "Roster tool" --claim-set "Roster Vendor" --education-organization 255901 --namespace-prefix uri://ed-fi.org --database district.db
            """);
    }

    private static Command List() => Over(new Command("list", "Lists the clients. Secrets are not kept, so none can be shown.") { Json }, async (accounts, _, parsed, cancellationToken) =>
    {
        var clients = await accounts.ListAsync(cancellationToken);
        if (parsed.GetValue(Json))
        {
            PrintJson(json =>
            {
                json.WriteStartArray();
                foreach (var client in clients)
                {
                    json.WriteStartObject();
                    json.WriteString("key", client.Key);
                    json.WriteString("name", client.Name);
                    json.WriteString("claimSet", client.ClaimSet);
                    Array("educationOrganizationIds", client.EducationOrganizationIds, i => json.WriteNumberValue(i));
                    Array("namespacePrefixes", client.NamespacePrefixes, json.WriteStringValue);
                    Array("profiles", client.Profiles, json.WriteStringValue);
                    Array("instanceIds", client.InstanceIds, i => json.WriteNumberValue(i));
                    Array("ownershipTokens", client.OwnershipTokens, i => json.WriteNumberValue(i));
                    if (client.CreatorOwnershipToken is { } creates)
                    {
                        json.WriteNumber("creatorOwnershipToken", creates);
                    }

                    json.WriteBoolean("isEnabled", client.IsEnabled);
                    json.WriteEndObject();
                }

                json.WriteEndArray();

                void Array<T>(string name, IEnumerable<T> items, Action<T> write)
                {
                    json.WriteStartArray(name);
                    foreach (var item in items)
                    {
                        write(item);
                    }

                    json.WriteEndArray();
                }
            });
            return ExitCodes.Done;
        }

        foreach (var client in clients)
        {
            Console.Out.WriteLine(
                $"{client.Key}\t{client.Name}\t{client.ClaimSet}\t{(client.IsEnabled ? "enabled" : "disabled")}\t{string.Join(',', client.EducationOrganizationIds)}\t{string.Join(',', client.NamespacePrefixes)}");
        }

        return ExitCodes.Done;
    });

    private static Command Reset()
    {
        var key = Key();
        return Over(new Command("reset", "Gives a client a new secret; its tokens end within seconds.") { key, Json }, async (accounts, _, parsed, cancellationToken) =>
        {
            Print(parsed, await accounts.ResetAsync(parsed.GetValue(key)!, cancellationToken) ?? throw NoSuch(parsed.GetValue(key)!));
            return ExitCodes.Done;
        });
    }

    private static Command Remove()
    {
        var key = Key();
        return Over(new Command("remove", "Removes a client; its tokens end within seconds.") { key }, async (accounts, _, parsed, cancellationToken) =>
            await accounts.RemoveAsync(parsed.GetValue(key)!, cancellationToken) ? ExitCodes.Done : throw NoSuch(parsed.GetValue(key)!));
    }

    private static Argument<string> Key() => new("key") { Description = "The client's key." };

    private static CliException NoSuch(string key) => new(ExitCodes.Usage, $"there is no client '{key}'; 'serve client list' shows those that there are.");

    private static Command Over(Command command, Func<ClientAccounts, ClaimSetStore, ParseResult, CancellationToken, Task<int>> run) => command.OnDatabase(
        ServeSettings.AtHome,
        (stores, model, parsed, cancellationToken) =>
            run(new ClientAccounts(stores.Credentials, TimeProvider.System), new ClaimSetStore(stores.Claims, model), parsed, cancellationToken),
        makesDatabase: command.Name == "add");

    private static void Print(ParseResult parsed, NewCredentials credentials)
    {
        if (parsed.GetValue(Json))
        {
            PrintJson(json =>
            {
                json.WriteStartObject();
                json.WriteString("outcome", "done");
                json.WriteString("key", credentials.Key);
                json.WriteString("secret", credentials.Secret);
                json.WriteEndObject();
            });
            return;
        }

        Console.Out.WriteLine($"key     {credentials.Key}");
        Console.Out.WriteLine($"secret  {credentials.Secret}");
        Console.Error.WriteLine("The secret is stored only as a hash: keep it now, it cannot be shown again.");
    }

    private static void PrintJson(Action<Utf8JsonWriter> write)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            write(json);
        }

        Console.Out.WriteLine(System.Text.Encoding.UTF8.GetString(buffer.ToArray()));
    }
}
