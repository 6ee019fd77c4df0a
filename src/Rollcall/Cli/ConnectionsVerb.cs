using System.CommandLine;
using Microsoft.Extensions.Configuration;
using Rollcall.Exchange.Client;
using Rollcall.Exchange.Publish;
using Rollcall.Exchange.State;

namespace Rollcall.Cli;

/// <summary><c>rollcall connections</c>: the named connections of publish's configuration store.</summary>
internal static class ConnectionsVerb
{
    private static readonly Argument<string> _name = new("NAME") { Description = "The connection's name." };
    private static readonly Option<string?> _store = new("--configurationStoreProvider") { Description = "plainText (the default), postgreSql, awsParameterStore; sqlServer with its driver in providers/.", HelpName = "STORE" };
    private static readonly Option<string?> _file = new("--connectionsFile") { Description = "File of the plain-text store; plainTextNamedConnections.json by default.", HelpName = "FILE" };
    private static readonly Option<string?> _password = new("--postgreSqlEncryptionPassword") { Description = "Password of encrypted values; also ${env:NAME} or ${file:PATH}.", HelpName = "P" };
    private static readonly Option<string?> _config = new("--config") { Description = "A settings file; the store's own lies beside it.", HelpName = "FILE" };
    private static readonly Option<bool> _showConfig = new("--show-config") { Description = "Prints the store's settings, secrets masked, and ends." };
    private static readonly Option<bool> _json = new("--json") { Description = "Prints the result as one JSON object on stdout." };

    /// <summary>An option for each value that a connection can have, but for the versions, which runs keep.</summary>
    private static readonly (string Name, Option<string?> Option)[] _values =
        [.. ConnectionNames.All.Where(n => n != ConnectionNames.LastChangeVersions).Select(n => (n, new Option<string?>("--" + n) { Description = $"The connection's {n}.", HelpName = "V" }))];

    public static Command Create()
    {
        var add = Shared(new Command("add", "Adds a connection, or changes the values that are given; an empty value is taken away.") { _name }).WithExamples("""
            rollcall connections add StateODS --url https://api.example.org --key K --secret '${env:STATE_SECRET}'
            """);
        foreach (var (_, option) in _values)
        {
            add.Add(option);
        }

        return new Command("connections", "Keeps named connections for publish and verify, in the configuration store of the API Publisher.")
        {
            add.OnRun((parsed, token) => WithStoreAsync(parsed, (store, isJson) => AddAsync(parsed, store, isJson, token), token)),
            Shared(new Command("list", "Lists the connections: names, addresses and last change versions, and no secrets."))
                .OnRun((parsed, token) => WithStoreAsync(parsed, (store, isJson) => ListAsync(store, isJson, token), token)),
            Shared(new Command("test", "Connects: does the API answer, and does it let us in?") { _name })
                .OnRun((parsed, token) => WithStoreAsync(parsed, (store, isJson) => TestAsync(store, parsed.GetValue(_name)!, isJson, token), token)),
            Shared(new Command("remove", "Removes a connection with its last change versions.") { _name })
                .OnRun((parsed, token) => WithStoreAsync(parsed, async (store, isJson) =>
                {
                    var name = parsed.GetValue(_name)!;
                    return await store.RemoveAsync(name, token) ? Say(isJson, "done", $"{name} is removed from {store.Shown}.") : throw None(store, name);
                }, token)),
        };
    }

    private static Command Shared(Command command)
    {
        foreach (var option in (Option[])[_store, _file, _password, _config, _json, _showConfig])
        {
            command.Add(option);
        }

        return command;
    }

    private static Task<int> WithStoreAsync(ParseResult parsed, Func<IConnectionStore, bool, Task<int>> run, CancellationToken cancellationToken)
    {
        var isJson = parsed.GetValue(_json) || PublishArguments.AsksForJson([], Environment.GetEnvironmentVariables());
        return ExchangeErrors.GuardAsync("connections", isJson, async () =>
        {
            cancellationToken.ThrowIfCancellationRequested();
            var given = new[] { _store, _file, _password, _config }
                .Where(o => parsed.GetValue(o) is not null).Select(o => $"{o.Name}={parsed.GetValue(o)}").ToList();
            var environment = Environment.GetEnvironmentVariables();
            var folder = Directory.GetCurrentDirectory();
            IConfiguration settings = PublishArguments.Read(given, environment, folder);
            if (parsed.GetValue(_showConfig))
            {
                PublishVerb.ShowConfig(settings);
                return ExitCodes.Done;
            }

            await using var store = ConnectionStores.Open(settings, environment, folder, TimeProvider.System);
            return await run(store, isJson);
        });
    }

    private static async Task<int> AddAsync(ParseResult parsed, IConnectionStore store, bool isJson, CancellationToken cancellationToken)
    {
        var name = parsed.GetValue(_name)!;
        if (name.Length == 0 || name.Contains('/', StringComparison.Ordinal))
        {
            throw new InvalidDataException("a connection's name has no slash in it");
        }

        var values = _values.Where(v => parsed.GetValue(v.Option) is not null)
            .ToDictionary(v => v.Name, v => parsed.GetValue(v.Option) is { Length: > 0 } value ? value : null);
        if (values.Count == 0)
        {
            throw new InvalidDataException("give at least one value: --url, --key, --secret, …");
        }

        if (values.GetValueOrDefault("url") is { } url && !(Uri.TryCreate(url, UriKind.Absolute, out var address) && address.Scheme is "http" or "https"))
        {
            throw new InvalidDataException("--url is no http or https address");
        }

        var isolation = values.GetValueOrDefault("ignoreIsolation");
        if (isolation is not null && !bool.TryParse(isolation, out _))
        {
            throw new InvalidDataException($"--ignoreIsolation needs true or false, not '{isolation}'");
        }

        if (!values.ContainsKey("url") && await store.ReadAsync(name, cancellationToken) is null)
        {
            throw new InvalidDataException($"there is no connection '{name}' yet: a new one needs --url");
        }

        await store.WriteAsync(name, values, cancellationToken);
        return Say(isJson, "done", $"{name} is in {store.Shown}.");
    }

    private static async Task<int> ListAsync(IConnectionStore store, bool isJson, CancellationToken cancellationToken)
    {
        var found = new List<(string Name, IReadOnlyDictionary<string, string> Values)>();
        foreach (var name in await store.ListAsync(cancellationToken))
        {
            found.Add((name, await store.ReadAsync(name, cancellationToken) ?? new Dictionary<string, string>()));
        }

        if (isJson)
        {
            ExchangeErrors.PrintJson(json =>
            {
                json.WriteStartObject();
                json.WriteString("verb", "connections");
                json.WriteString("outcome", "done");
                json.WriteStartArray("connections");
                foreach (var (name, values) in found)
                {
                    json.WriteStartObject();
                    json.WriteString("name", name);
                    foreach (var (key, value) in values.Where(v => !ConnectionNames.IsSecret(v.Key)))
                    {
                        json.WriteString(key, value);
                    }

                    json.WriteEndObject();
                }

                json.WriteEndArray();
                json.WriteEndObject();
            });
            return ExitCodes.Done;
        }

        foreach (var (name, values) in found)
        {
            var versions = values.GetValueOrDefault(ConnectionNames.LastChangeVersions);
            Console.Out.WriteLine($"{name}  {values.GetValueOrDefault("url")}{(versions is null ? "" : "  " + versions)}");
        }

        return ExitCodes.Done;
    }

    private static async Task<int> TestAsync(IConnectionStore store, string name, bool isJson, CancellationToken cancellationToken)
    {
        var values = await store.ReadAsync(name, cancellationToken) ?? throw None(store, name);
        var settings = new ConfigurationBuilder().AddInMemoryCollection(values.Select(v => new KeyValuePair<string, string?>($"Connections:Source:{v.Key}", v.Value))).Build();
        using var client = await EdFiClient.ConnectAsync(SettingReader.ConnectionOf(settings), new ClientOptions(), cancellationToken);
        return Say(isJson, "done", $"{name}: {client.Connection} is version {client.Api.Version} with Ed-Fi {client.Api.EdFiVersion ?? "of no stated version"}, and lets us in.");
    }

    private static InvalidDataException None(IConnectionStore store, string name) => new($"there is no connection '{name}' in {store.Shown}");

    private static int Say(bool isJson, string outcome, string message)
    {
        if (isJson)
        {
            ExchangeErrors.PrintOutcome("connections", isJson, outcome, message);
        }
        else
        {
            Console.Out.WriteLine(message);
        }

        return ExitCodes.Done;
    }
}
