using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Rollcall.Databases;

namespace Rollcall.Exchange.State;

/// <summary>Named connections in a JSON file of the API Publisher's form, <c>{"connections":[{"name":…,"url":…}]}</c>. Unlike there, last
/// change versions are kept in it too. The file is replaced as a whole, so that it is never half written.</summary>
public sealed class PlainTextStore(string path) : IConnectionStore
{
    public const string FileName = "plainTextNamedConnections.json";

    private static readonly JsonSerializerOptions _indented = new() { WriteIndented = true };

    public string Shown => $"the file {path}";

    public Task<IReadOnlyDictionary<string, string>?> ReadAsync(string connection, CancellationToken cancellationToken)
    {
        if (Find(Connections(Load()), connection) is not { } found)
        {
            return Task.FromResult<IReadOnlyDictionary<string, string>?>(null);
        }

        var values = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        foreach (var (name, value) in found)
        {
            if (value is not null && !name.Equals("name", StringComparison.OrdinalIgnoreCase))
            {
                // Versions may be written as text or, by hand, as an object.
                values[name] = value is JsonValue ? value.ToString() : value.ToJsonString();
            }
        }

        return Task.FromResult<IReadOnlyDictionary<string, string>?>(values);
    }

    public Task<IReadOnlyList<string>> ListAsync(CancellationToken cancellationToken) =>
        Task.FromResult<IReadOnlyList<string>>([.. Connections(Load()).OfType<JsonObject>().Select(NameOf).OfType<string>()]);

    public Task WriteAsync(string connection, IReadOnlyDictionary<string, string?> values, CancellationToken cancellationToken) => ChangeAsync(
        connections =>
        {
            var found = Find(connections, connection);
            if (found is null)
            {
                found = new JsonObject { ["name"] = connection };
                connections.Add((JsonNode)found);
            }

            foreach (var (name, value) in values)
            {
                var spelled = found.Select(m => m.Key).FirstOrDefault(k => k.Equals(name, StringComparison.OrdinalIgnoreCase)) ?? name;
                if (value is null)
                {
                    found.Remove(spelled);
                }
                else
                {
                    found[spelled] = value;
                }
            }

            return true;
        },
        cancellationToken);

    public Task<bool> RemoveAsync(string connection, CancellationToken cancellationToken) =>
        ChangeAsync(connections => Find(connections, connection) is { } found && connections.Remove(found), cancellationToken);

    public Task KeepChangeVersionAsync(string source, string target, long version, CancellationToken cancellationToken) => ChangeAsync(
        connections =>
        {
            var found = Find(connections, source);
            if (found is null)
            {
                found = new JsonObject { ["name"] = source };
                connections.Add((JsonNode)found);
            }

            var spelled = found.Select(m => m.Key).FirstOrDefault(k => k.Equals(ConnectionNames.LastChangeVersions, StringComparison.OrdinalIgnoreCase))
                ?? ConnectionNames.LastChangeVersions;
            found[spelled] = ConnectionNames.With(found[spelled] is { } kept ? kept is JsonValue ? kept.ToString() : kept.ToJsonString() : null, target, version);
            return true;
        },
        cancellationToken);

    public Task<IAsyncDisposable?> TryLockAsync(string pair, CancellationToken cancellationToken)
    {
        // However the names of the pair are spelled, they are the same connections here.
        var name = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(pair.ToUpperInvariant())))[..16];
        var file = $"{path}.{name}.lock";
        try
        {
            return Task.FromResult<IAsyncDisposable?>(FileLock.TryTake(file));
        }
        catch (UnauthorizedAccessException fault) when (File.Exists(file))
        {
            // No folder that cannot be written, but a lock that another account has made, and may hold.
            throw new ConnectionStoreException($"{file} belongs to another account, so nobody can tell whether it publishes this pair now. Run as that account, or remove the file.", fault);
        }
    }

    private async Task<bool> ChangeAsync(Func<JsonArray, bool> change, CancellationToken cancellationToken)
    {
        // Another process may be changing it: a short matter, worth waiting for.
        FileLock? one;
        for (var n = 0; (one = FileLock.TryTake(path + ".lock")) is null; n++)
        {
            if (n == 100)
            {
                throw new ConnectionStoreException($"{Shown} is being changed by somebody else for too long.");
            }

            await Task.Delay(50, cancellationToken);
        }

        await using (one)
        {
            var root = Load();
            if (!change(Connections(root)))
            {
                return false;
            }

            var fresh = $"{path}.{Environment.ProcessId}.tmp";
            try
            {
                var options = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write };
                if (!OperatingSystem.IsWindows())
                {
                    // It may hold secrets, whatever the file before it allowed.
                    options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
                }

                await using (var file = new FileStream(fresh, options))
                {
                    await file.WriteAsync(Encoding.UTF8.GetBytes(root.ToJsonString(_indented) + "\n"), cancellationToken);
                    file.Flush(flushToDisk: true);
                }

                File.Move(fresh, path, overwrite: true);
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                throw new ConnectionStoreException($"{Shown} cannot be written: {exception.Message}", exception);
            }

            return true;
        }
    }

    private JsonObject Load()
    {
        try
        {
            return !File.Exists(path) ? [] : JsonNode.Parse(File.ReadAllText(path), documentOptions: new() { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true }) as JsonObject
                ?? throw new ConnectionStoreException($"{Shown} holds no JSON object.");
        }
        catch (JsonException exception)
        {
            throw new ConnectionStoreException($"{Shown} is not JSON (line {exception.LineNumber + 1}).");
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new ConnectionStoreException($"{Shown} cannot be read: {exception.Message}", exception);
        }
    }

    private static JsonArray Connections(JsonObject root)
    {
        var name = root.Select(m => m.Key).FirstOrDefault(k => k.Equals("connections", StringComparison.OrdinalIgnoreCase)) ?? "connections";
        if (root[name] is not JsonArray connections)
        {
            root[name] = connections = [];
        }

        return connections;
    }

    /// <summary>The first of this name counts, as in the API Publisher.</summary>
    private static JsonObject? Find(JsonArray connections, string name) =>
        connections.OfType<JsonObject>().FirstOrDefault(c => string.Equals(NameOf(c), name, StringComparison.OrdinalIgnoreCase));

    private static string? NameOf(JsonObject connection) =>
        connection.FirstOrDefault(m => m.Key.Equals("name", StringComparison.OrdinalIgnoreCase)).Value?.ToString();

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
