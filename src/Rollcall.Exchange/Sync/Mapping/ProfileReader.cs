using System.Globalization;
using System.Text.RegularExpressions;
using Rollcall.Exchange.Ledger;
using Rollcall.Exchange.Sync.Sources;
using Rollcall.Standard.Model;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Rollcall.Exchange.Sync.Mapping;

/// <summary>What the command line puts in place of a profile's own settings; null leaves the profile's.</summary>
public sealed record ProfileOverrides
{
    public string? SourceConnection { get; init; }

    public string? TargetUrl { get; init; }

    public string? TargetKey { get; init; }

    public string? TargetSecret { get; init; }

    public string? LedgerPath { get; init; }

    public IReadOnlyDictionary<string, string> Parameters { get; init; } = new Dictionary<string, string>();
}

/// <summary>Reads <c>profile.yaml</c>: every setting is used or refused by name, none is skipped.</summary>
internal sealed partial class ProfileReader
{
    private const string FileName = "profile.yaml";
    private readonly string _folder;
    private readonly ProfileOverrides _overrides;
    private readonly List<string> _faults = [];

    private ProfileReader(string folder, ProfileOverrides overrides)
    {
        _folder = folder;
        _overrides = overrides;
    }

    /// <exception cref="MappingException">The file is missing, is not YAML, or holds a setting that is wrong or unknown; all faults at once.</exception>
    public static SyncProfile Read(string folder, ProfileOverrides overrides)
    {
        var path = Path.Combine(folder, FileName);
        if (!File.Exists(path))
        {
            throw new MappingException($"{folder} is no mapping folder: it has no {FileName}.");
        }

        var yaml = new YamlStream();
        try
        {
            using var text = File.OpenText(path);
            yaml.Load(text);
        }
        catch (YamlException e)
        {
            throw new MappingException($"{FileName}, line {e.Start.Line}: not YAML: {e.Message}");
        }

        if (yaml.Documents is not [{ RootNode: YamlMappingNode root }])
        {
            throw new MappingException($"{FileName}: a list of settings is expected.");
        }

        var reader = new ProfileReader(folder, overrides);
        var profile = reader.Profile(root);
        return reader._faults.Count == 0 ? profile : throw new MappingException(reader._faults);
    }

    private SyncProfile Profile(YamlMappingNode root)
    {
        var settings = Settings(root, "", ["profile", "source", "target", "resources", "identity", "deletes", "changes", "audit", "ledger"]);
        var resources = Settings(Child(settings, "resources", ""), "resources.", ["include", "exclude"]);
        return new SyncProfile
        {
            Name = Text(settings, "profile", "") ?? Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(_folder))),
            Source = Source(Child(settings, "source", "")),
            Target = Target(Child(settings, "target", "")),
            Include = List(resources, "include"),
            Exclude = List(resources, "exclude"),
            Identity = Identity(Child(settings, "identity", "")),
            Deletes = Deletes(Child(settings, "deletes", "")),
            Audit = Audit(Child(settings, "audit", "")),
            Changes = settings.ContainsKey("changes") ? Changes(Child(settings, "changes", "")) : null,
            LedgerPath = _overrides.LedgerPath is { } given
                ? Ledger(given, Directory.GetCurrentDirectory())
                : Ledger(Text(settings, "ledger", "") ?? "ledger.db", Path.GetFullPath(_folder)),
        };
    }

    private static string Ledger(string text, string from) => SyncLedger.IsPostgres(text) ? text : Path.GetFullPath(text, from);

    private SourceConfig Source(YamlMappingNode? node)
    {
        const string In = "source.";
        var settings = Settings(node, In, ["provider", "dialect", "connection", "snapshot", "parameters"]);
        var provider = Text(settings, "provider", In);
        var ado = provider switch
        {
            "sqlite" or "postgres" or "files" => null,
            "sqlserver" => "Microsoft.Data.SqlClient",
            not null when provider.Contains('.', StringComparison.Ordinal) => provider,
            _ => Fault<string?>(null, $"source.provider is {provider ?? "missing"}; sqlite, postgres, files, sqlserver, or the name of an ADO.NET provider such as Microsoft.Data.SqlClient is expected."),
        };
        var dialect = Text(settings, "dialect", In);
        if (dialect is not null && (ado is null || SqlDialect.Find(dialect) is null))
        {
            _faults.Add(ado is null ? $"{FileName}: source.dialect is for ADO.NET providers; {provider} has its own."
                : $"{FileName}: source.dialect is {dialect}; {string.Join(", ", SqlDialect.Names)} is expected.");
        }

        if (Text(settings, "snapshot", In) is { } snapshot && snapshot != "repeatable-read")
        {
            _faults.Add($"{FileName}: source.snapshot {snapshot} is not supported: a run always reads one snapshot (repeatable-read).");
        }

        var parameters = new Dictionary<string, object>(StringComparer.Ordinal);
        foreach (var (name, value) in Settings(Child(settings, "parameters", In), In + "parameters.", null))
        {
            var text = Scalar(value, $"{In}parameters.{name}");
            parameters[name] = value is YamlScalarNode { Style: ScalarStyle.Plain } ? Number(text) : text;
        }

        foreach (var (name, value) in _overrides.Parameters)
        {
            parameters[name] = Number(value);
        }

        var connection = _overrides.SourceConnection ?? Required(settings, "connection", In);
        return new SourceConfig(
            provider switch { "postgres" => SisProvider.Postgres, "files" => SisProvider.Files, _ => ado is null ? SisProvider.Sqlite : SisProvider.Ado }, connection, parameters)
        {
            AdoProvider = ado,
            Dialect = dialect ?? SqlDialect.Of(ado ?? "").Name,
        };

        static object Number(string text) => text is not ['0', _, ..] && long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var n) ? n : text;
    }

    private TargetConfig Target(YamlMappingNode? node)
    {
        const string In = "target.";
        var settings = Settings(node, In, ["url", "key", "secret", "schoolYear", "maxConcurrency", "maxRequestsPerSecond"]);
        var url = _overrides.TargetUrl ?? Required(settings, "url", In);
        if (url.Length > 1 && !(Uri.TryCreate(url, UriKind.Absolute, out var parsed) && parsed.Scheme is "http" or "https"))
        {
            _faults.Add($"{FileName}: target.url must be an http or https address.");
        }

        return new TargetConfig(
            url,
            _overrides.TargetKey ?? Required(settings, "key", In),
            _overrides.TargetSecret ?? Required(settings, "secret", In),
            (int?)Whole(settings, "schoolYear", In),
            (int?)Whole(settings, "maxConcurrency", In, 1),
            (int?)Whole(settings, "maxRequestsPerSecond", In, 1, 1_000_000));
    }

    private Dictionary<string, string> Identity(YamlMappingNode? node) =>
        Settings(node, "identity.", null).ToDictionary(s => s.Key, s => Scalar(s.Value, $"identity.{s.Key}"), StringComparer.Ordinal);

    private AuditConfig Audit(YamlMappingNode? node)
    {
        const string In = "audit.";
        var settings = Settings(node, In, ["payloads", "keepDays"]);
        return new AuditConfig
        {
            KeepsAllPayloads = Text(settings, "payloads", In) switch
            {
                null or "failures-only" => false,
                "all" => true,
                var other => Fault(false, $"audit.payloads is {other}; failures-only or all is expected."),
            },
            KeepDays = (int?)Whole(settings, "keepDays", In, 1, 36_500) ?? new AuditConfig().KeepDays,
        };
    }

    private ChangesConfig Changes(YamlMappingNode? node)
    {
        const string In = "changes.";
        var settings = Settings(node, In, ["method", "connection", "every", "fullScanEvery", "overlap"]);
        var method = Text(settings, "method", In) switch
        {
            "logical" => ChangeMethod.Logical,
            "outbox" => ChangeMethod.Outbox,
            "poll" => ChangeMethod.Poll,
            "change-tracking" => ChangeMethod.ChangeTracking,
            var other => Fault(ChangeMethod.Poll, $"changes.method is {other ?? "missing"}; logical, outbox, change-tracking or poll is expected."),
        };
        return new ChangesConfig(
            method, Text(settings, "connection", In), Duration(settings, "every", In) ?? (method == ChangeMethod.Poll ? TimeSpan.FromMinutes(1) : TimeSpan.FromMilliseconds(250)),
            Duration(settings, "fullScanEvery", In) ?? TimeSpan.FromHours(24))
        {
            Overlap = Duration(settings, "overlap", In) ?? TimeSpan.FromMinutes(5),
        };
    }

    /// <summary>A whole number with ms, s, m or h.</summary>
    private TimeSpan? Duration(Dictionary<string, YamlNode> settings, string name, string prefix)
    {
        if (Text(settings, name, prefix) is not { } text)
        {
            return null;
        }

        var match = DurationText().Match(text);
        var number = match.Success && int.TryParse(match.Groups[1].Value, NumberStyles.None, CultureInfo.InvariantCulture, out var n) ? n : 0;
        return number == 0 ? Fault<TimeSpan?>(null, $"{prefix}{name} must be a duration such as 250ms, 30s, 15m or 24h.") : match.Groups[2].Value switch
        {
            "ms" => TimeSpan.FromMilliseconds(number),
            "s" => TimeSpan.FromSeconds(number),
            "m" => TimeSpan.FromMinutes(number),
            _ => TimeSpan.FromHours(number),
        };
    }

    [GeneratedRegex("^([0-9]+)(ms|s|m|h)$")]
    private static partial Regex DurationText();

    private DeletesConfig Deletes(YamlMappingNode? node)
    {
        const string In = "deletes.";
        var defaults = new DeletesConfig();
        var settings = Settings(node, In, ["default", "holdIf", "perResource"]);
        var hold = Settings(Child(settings, "holdIf", In), In + "holdIf.", ["percent", "andAtLeast", "zeroRows"]);
        var perResource = new Dictionary<string, DeletePolicy>(StringComparer.OrdinalIgnoreCase);
        foreach (var (name, value) in Settings(Child(settings, "perResource", In), In + "perResource.", null))
        {
            perResource[ResourceName.TryParse(name)?.ToString() ?? name] = Policy(Scalar(value, In + name), In + "perResource." + name);
        }

        return new DeletesConfig
        {
            Default = Text(settings, "default", In) is { } policy ? Policy(policy, In + "default") : defaults.Default,
            PerResource = perResource,
            HoldPercent = Whole(hold, "percent", In + "holdIf.", 0, 100) ?? defaults.HoldPercent,
            HoldAndAtLeast = (int?)Whole(hold, "andAtLeast", In + "holdIf.") ?? defaults.HoldAndAtLeast,
            HoldZeroRows = Text(hold, "zeroRows", In + "holdIf.") switch
            {
                null => defaults.HoldZeroRows,
                "true" => true,
                "false" => false,
                var other => Fault(false, $"deletes.holdIf.zeroRows is {other}; true or false is expected."),
            },
        };
    }

    private DeletePolicy Policy(string text, string name) => text switch
    {
        "guarded" => DeletePolicy.Guarded,
        "never" => DeletePolicy.Never,
        "always" => DeletePolicy.Always,
        _ => Fault(DeletePolicy.Never, $"{name} is {text}; never, guarded or always is expected."),
    };

    private T Fault<T>(T value, string fault)
    {
        _faults.Add($"{FileName}: {fault}");
        return value;
    }

    private Dictionary<string, YamlNode> Settings(YamlMappingNode? node, string prefix, string[]? known)
    {
        var settings = new Dictionary<string, YamlNode>(StringComparer.Ordinal);
        foreach (var (key, value) in node?.Children ?? Enumerable.Empty<KeyValuePair<YamlNode, YamlNode>>())
        {
            var name = key is YamlScalarNode { Value: { } text } ? text : "";
            if (known?.Contains(name, StringComparer.Ordinal) == false)
            {
                var nearest = Nearest.To(name, known);
                _faults.Add($"{FileName}, line {key.Start.Line}: the setting {prefix}{name} is not supported by this build" +
                    (nearest is null ? "." : $"; did you mean {prefix}{nearest}?"));
            }
            else
            {
                settings[name] = value;
            }
        }

        return settings;
    }

    private YamlMappingNode? Child(Dictionary<string, YamlNode> settings, string name, string prefix) =>
        settings.GetValueOrDefault(name) switch
        {
            null or YamlScalarNode { Value: null or "" } => null,
            YamlMappingNode mapping => mapping,
            var other => Fault<YamlMappingNode?>(null, $"{prefix}{name}, line {other.Start.Line}: settings are expected below it."),
        };

    private string[] List(Dictionary<string, YamlNode> settings, string name) => settings.GetValueOrDefault(name) switch
    {
        null => [],
        YamlSequenceNode list => [.. list.Select(n => Scalar(n, $"resources.{name}"))],
        var one => [Scalar(one, $"resources.{name}")],
    };

    private string? Text(Dictionary<string, YamlNode> settings, string name, string prefix) =>
        settings.TryGetValue(name, out var node) && Scalar(node, prefix + name) is { Length: > 0 } text ? text : null;

    private string Required(Dictionary<string, YamlNode> settings, string name, string prefix) =>
        Text(settings, name, prefix) ?? Fault("", $"{prefix}{name} is missing.");

    private decimal? Whole(Dictionary<string, YamlNode> settings, string name, string prefix, int minimum = 0, int maximum = int.MaxValue)
    {
        if (Text(settings, name, prefix) is not { } text)
        {
            return null;
        }

        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= minimum && number <= maximum
            ? number
            : Fault<decimal?>(null, $"{prefix}{name} must be a whole number from {minimum} to {maximum}.");
    }

    private string Scalar(YamlNode node, string name)
    {
        if (node is not YamlScalarNode { Value: var text })
        {
            return Fault("", $"{name}, line {node.Start.Line}: one value is expected.");
        }

        return Placeholder().Replace(text ?? "", match =>
        {
            var (kind, value) = (match.Groups[1].Value, match.Groups[2].Value);
            var path = Path.GetFullPath(value, Path.GetFullPath(_folder));
            return kind switch
            {
                "env" => Environment.GetEnvironmentVariable(value) ?? Missing(name, $"the environment has no {value}"),
                _ => File.Exists(path) ? File.ReadAllText(path).TrimEnd('\r', '\n') : Missing(name, $"there is no file {value}"),
            };
        });
    }

    /// <summary>A placeholder without a value matters only where the command line gives none either.</summary>
    private string Missing(string name, string what)
    {
        var given = name switch
        {
            "source.connection" => _overrides.SourceConnection,
            "target.url" => _overrides.TargetUrl,
            "target.key" => _overrides.TargetKey,
            "target.secret" => _overrides.TargetSecret,
            "ledger" => _overrides.LedgerPath,
            _ when name.StartsWith("source.parameters.", StringComparison.Ordinal) => _overrides.Parameters.GetValueOrDefault(name["source.parameters.".Length..]),
            _ => null,
        };
        return given ?? Fault("-", $"{name}: {what}.");
    }

    [GeneratedRegex(@"\$\{(env|file):([^}]+)\}")]
    private static partial Regex Placeholder();
}
