using System.Globalization;
using Microsoft.Extensions.Configuration;
using Rollcall.Exchange.State;

namespace Rollcall.Exchange.Publish;

/// <summary>Completes settings that name connections from a store: what command line and environment say counts more, what files say less.</summary>
public static class NamedConnections
{
    /// <summary>The JSON text of the source's last change versions, under a path that only a store fills.</summary>
    public const string VersionsPath = "Connections:Source:LastChangeVersionsProcessed";

    private static readonly string[] _whole = ["Url", "Key", "Secret"];
    private static readonly string[] _sourceOnly = ["ignoreIsolation", "include", "includeOnly", "exclude", "excludeOnly", ConnectionNames.LastChangeVersions];

    public static bool AreNamed(IConfiguration settings) => Name(settings, "Source") is not null || Name(settings, "Target") is not null;

    /// <returns>The settings, and what their user should know of them.</returns>
    /// <exception cref="InvalidDataException">A connection that is not given in full is not in the store either.</exception>
    public static async Task<(IConfigurationRoot Settings, IReadOnlyList<string> Warnings)> CompleteAsync(
        IConfigurationRoot settings, IConnectionStore store, CancellationToken cancellationToken)
    {
        var named = new Dictionary<string, string?>(StringComparer.OrdinalIgnoreCase);
        var warnings = new List<string>();
        var faults = new List<string>();
        var given = PublishArguments.Explicit(settings);
        foreach (var side in (string[])["Source", "Target"])
        {
            if (Name(settings, side) is not { } name)
            {
                continue;
            }

            var stored = await store.ReadAsync(name, cancellationToken);
            var isWhole = _whole.All(part => settings[$"Connections:{side}:{part}"] is { Length: > 0 });
            var isFile = settings[$"Connections:{side}:Type"] is { } type && !type.Equals("api", StringComparison.OrdinalIgnoreCase);
            if (stored is null && !isWhole && !isFile)
            {
                var meant = ConnectionStores.NamesOf(settings) == StringComparison.Ordinal ? await NearAsync(store, name, cancellationToken) : null;
                faults.Add($"--{side.ToLowerInvariant()}Name: there is no connection '{name}' in {store.Shown}{(meant is null ? "" : $", which tells names apart by letter case: do you mean '{meant}'?")}");
            }

            foreach (var (key, value) in stored ?? new Dictionary<string, string>())
            {
                var spelled = ConnectionNames.All.FirstOrDefault(n => n.Equals(key, StringComparison.OrdinalIgnoreCase));
                if (spelled is null)
                {
                    faults.Add($"the connection '{name}' in {store.Shown} has '{key}', which means nothing");
                }
                else if (AppliesTo(spelled, side))
                {
                    named[$"Connections:{side}:{spelled}"] = value;
                }
            }

            var overrides = ConnectionNames.All
                .Where(n => AppliesTo(n, side) && stored?.ContainsKey(n) == true && given[$"Connections:{side}:{n}"] is { Length: > 0 })
                .Select(n => PublishName.Find($"Connections:{side}:{n}")?.Shown ?? n).ToList();
            if (overrides.Count > 0)
            {
                warnings.Add(string.Create(
                    CultureInfo.InvariantCulture,
                    $"{string.Join(", ", overrides)}: given beside --{side.ToLowerInvariant()}Name={name}, and used instead of what the store says. Named connections and overrides should not be mixed: the last change version is kept under the name."));
            }
        }

        return faults.Count == 0 ? (PublishArguments.WithNamed(settings, named), warnings) : throw new InvalidDataException(string.Join("\n  ", faults));
    }

    /// <summary>A name that differs in letter case only: a hint, so that a store which lets nobody list its names costs the hint alone.</summary>
    private static async Task<string?> NearAsync(IConnectionStore store, string name, CancellationToken cancellationToken)
    {
        try
        {
            return (await store.ListAsync(cancellationToken)).FirstOrDefault(n => n.Equals(name, StringComparison.OrdinalIgnoreCase));
        }
        catch (ConnectionStoreException)
        {
            return null;
        }
    }

    private static string? Name(IConfiguration settings, string side) => settings[$"Connections:{side}:Name"] is { Length: > 0 } name ? name : null;

    private static bool AppliesTo(string value, string side) =>
        side == "Source" ? value != "treatForbiddenPostAsWarning" : !_sourceOnly.Contains(value);
}
