using System.CommandLine;
using System.Data.Common;
using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging;
using Rollcall.Exchange.Client;
using Rollcall.Serve;
using Rollcall.Serve.Security;
using Rollcall.Serve.Storage;
using Rollcall.Standard.Documents;
using Rollcall.Standard.Loading;

namespace Rollcall.Cli;

/// <summary>The options of <c>rollcall serve</c>: command line before environment (<c>ROLLCALL_SERVE_DATABASE</c>) before file before default.</summary>
internal sealed class ServeSettings
{
    private readonly Option<string[]> _urls = new("--urls")
    {
        Description = "Addresses to listen on, http only; port 0 takes any free one. Default http://127.0.0.1:8001.",
        HelpName = "URL",
        AllowMultipleArgumentsPerToken = true,
    };

    private readonly Option<string?> _database = new("--database")
    {
        Description = "A SQLite file, or a PostgreSQL connection string (\"Host=…;Database=…\"); also ${env:NAME} or ${file:PATH}. Default rollcall.db.",
        HelpName = "DB",
    };

    private readonly Option<string[]> _extensions = new("--extension")
    {
        Description = "An extension of the data standard: an ApiSchema file, or a compact one from 'rollcall model import'; repeatable.",
        HelpName = "FILE",
        AllowMultipleArgumentsPerToken = true,
    };

    private readonly Option<string?> _sandbox = Flag("--sandbox", "One client (key sandbox, secret sandbox) that may do everything, the standard descriptors, the school years.");
    private readonly Option<string?> _onNetwork = Flag("--sandbox-on-network", "Lets the sandbox listen on other addresses than loopback.");
    private readonly Option<string?> _ownership = Flag("--ownership", "Documents get the ownership token of the client that creates them, and the strategy OwnershipBased is evaluated instead of refused.");
    private readonly Option<string?> _pathBase = new("--path-base") { Description = "Prefix of all paths, such as /edfi.", HelpName = "/PATH" };
    private readonly Option<string?> _tokenMinutes = new("--token-minutes") { Description = "How long a token lives. Default 30.", HelpName = "N" };
    private readonly Option<string?> _tokensMax = new("--tokens-max") { Description = "Live tokens of a client at most, -1 for no limit. Default 15.", HelpName = "N" };
    private readonly Option<string?> _snapshotsMax = new("--snapshots-max") { Description = "Snapshots (Use-Snapshot: true) open at once over all clients; each holds up to 4 connections of PostgreSQL, or a copy of the SQLite file. Default 4.", HelpName = "N" };
    private readonly Option<string?> _snapshotIdle = new("--snapshot-idle-seconds") { Description = "A snapshot that nobody reads ends after this long. Default 300.", HelpName = "N" };
    private readonly Option<string?> _snapshotAge = new("--snapshot-minutes") { Description = "Every snapshot ends after this long. Default 240.", HelpName = "N" };
    private readonly Option<string?> _adminKey = new("--admin-key") { Description = "Key of the administrator: turns the Admin API under /adminapi on.", HelpName = "K" };
    private readonly Option<string?> _adminSecret = new("--admin-secret") { Description = "Its secret, 16 characters at least; better ${env:NAME} or ${file:PATH}.", HelpName = "S" };
    private readonly Option<string?> _oidcIssuer = new("--oidc-issuer") { Description = "Accepts the tokens of this OpenID Connect issuer too.", HelpName = "URL" };
    private readonly Option<string?> _oidcAudience = new("--oidc-audience") { Description = "The audience that its tokens must name.", HelpName = "AUD" };
    private readonly Option<string?> _oidcKeysUrl = new("--oidc-keys-url") { Description = "Where its keys are. Default: what its configuration says.", HelpName = "URL" };
    private readonly Option<string?> _oidcClientClaim = new("--oidc-client-claim") { Description = "The claim that names one of our clients. Default client_id.", HelpName = "CLAIM" };

    private readonly Option<string[]> _profiles = new("--profile")
    {
        Description = "A file of profile definitions (XML); repeatable.",
        HelpName = "FILE",
        AllowMultipleArgumentsPerToken = true,
    };

    private readonly Option<string?> _compatibility = new("--compatibility") { Description = "default, or dms: everything that only the Data Management Service does.", HelpName = "WHOSE" };
    private readonly Option<string?> _logLevel = new("--log-level") { Description = "trace, debug, information, warning, error or none. Default information.", HelpName = "LEVEL" };
    private readonly Option<string?> _xsd = new("--xsd") { Description = "Folder with the XSD files that Ed-Fi publishes, a subfolder for each project (ed-fi, tpdm).", HelpName = "FOLDER" };
    private readonly Option<string?> _logFormat = new("--log-format") { Description = "json or text. Default: text at a terminal, JSON elsewhere.", HelpName = "FORMAT" };
    private readonly TrafficSettings _traffic = new();
    private readonly Option<string?> _config = new("--config") { Description = "JSON file with these options under their names.", HelpName = "FILE" };
    private readonly Option<bool> _showConfig = new("--show-config") { Description = "Prints the settings in force, secrets masked, and ends." };

    private Option<string?>[] Settings =>
    [
        _database, _sandbox, _onNetwork, _pathBase, _tokenMinutes, _tokensMax, _snapshotsMax, _snapshotIdle, _snapshotAge, _adminKey, _adminSecret, _oidcIssuer, _oidcAudience, _oidcKeysUrl, _oidcClientClaim, _ownership, _compatibility, _xsd,
        _logLevel, _logFormat, .. _traffic.Single,
    ];

    private Option<string[]>[] Repeatable => [_urls, _extensions, _profiles, .. _traffic.Repeatable];

    public void AddTo(Command command)
    {
        foreach (var option in (IEnumerable<Option>)[.. Repeatable, .. Settings, _config, _showConfig])
        {
            command.Add(option);
        }
    }

    /// <summary>For the commands that only need the database.</summary>
    public void AddDatabaseTo(Command command)
    {
        command.Add(_database);
        command.Add(_extensions);
        command.Add(_config);
    }

    public bool WantsToBeShown(ParseResult parsed) => parsed.GetValue(_showConfig);

    /// <summary>The options of a verb that works on the database with the clients.</summary>
    /// <exception cref="CliException">There are several.</exception>
    public static ServeOptions AtHome(ServeOptions options) => options with
    {
        Database = options.Home ?? throw new CliException(
            ExitCodes.Usage, "the file of --config has tenants, each with clients of its own: name the tenant's database with --database, and leave --config away."),
    };

    /// <exception cref="CliException">A setting is unknown, not in this build, or wrong; all faults at once.</exception>
    public ServeOptions Read(ParseResult parsed)
    {
        var file = ReadFile(parsed.GetValue(_config));
        var faults = new List<string>();
        var defaults = new ServeOptions();
        var options = defaults with
        {
            Urls = Many(_urls, parsed, file)?.SelectMany(u => u.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)).ToArray() ?? defaults.Urls,
            Extensions = Many(_extensions, parsed, file) ?? defaults.Extensions,
            ProfileFiles = Many(_profiles, parsed, file) ?? defaults.ProfileFiles,
            Database = Resolve(_database, Value(_database) ?? defaults.Database),
            AdminKey = Value(_adminKey) is { } adminKey ? Resolve(_adminKey, adminKey) : null,
            AdminSecret = Value(_adminSecret) is { } adminSecret ? Resolve(_adminSecret, adminSecret) : null,
            Oidc = Issuer(),
            Sandbox = Boolean(_sandbox),
            SandboxOnNetwork = Boolean(_onNetwork),
            PathBase = Value(_pathBase) ?? defaults.PathBase,
            TokenLifetime = TimeSpan.FromMinutes(Number(_tokenMinutes, (int)defaults.TokenLifetime.TotalMinutes)),
            TokensMax = Number(_tokensMax, defaults.TokensMax),
            Snapshots = new SnapshotLimits(
                Number(_snapshotsMax, defaults.Snapshots.OpenMax),
                TimeSpan.FromSeconds(Number(_snapshotIdle, (int)defaults.Snapshots.Idle.TotalSeconds)),
                TimeSpan.FromMinutes(Number(_snapshotAge, (int)defaults.Snapshots.Age.TotalMinutes))),
            Ownership = Boolean(_ownership),
            Compatibility = Ways(Value(_compatibility)),
            XsdFolder = Value(_xsd) ?? defaults.XsdFolder,
            Routes = InstanceSettings.Routes(file),
            Tenants = InstanceSettings.Tenants(file, Value(_database), text => Resolve(_database, text), faults),
            Traffic = _traffic.Read(defaults.Traffic, Value, Number, name => Many(name, parsed, file), faults),
            BodyBytesMax = Number(_traffic.BodyBytesMax, (int)defaults.BodyBytesMax),
            LogFormat = Format(Value(_logFormat)),
            LogLevel = Level(Value(_logLevel) ?? defaults.LogLevel.ToString()),
        };
        faults.AddRange(options.Validate());
        if (faults.Count > 0)
        {
            throw new CliException(ExitCodes.Usage, string.Join(Environment.NewLine, faults));
        }

        return options;

        string? Value(Option<string?> option) =>
            parsed.GetResult(option) is { Implicit: false } given ? given.Tokens.Count > 0 ? given.Tokens[^1].Value : "true"
            : Environment.GetEnvironmentVariable(VariableOf(option)) ?? file[NameOf(option)];

        OidcOptions? Issuer()
        {
            if (Value(_oidcIssuer) is { } issuer)
            {
                return new OidcOptions
                {
                    Issuer = issuer,
                    Audience = Value(_oidcAudience) ?? "",
                    KeysUrl = Value(_oidcKeysUrl),
                    ClientClaim = Value(_oidcClientClaim) ?? "client_id",
                };
            }

            faults.AddRange(((Option<string?>[])[_oidcAudience, _oidcKeysUrl, _oidcClientClaim]).Where(o => Value(o) is not null)
                .Select(o => $"{o.Name} says nothing without --oidc-issuer."));
            return null;
        }

        bool Boolean(Option<string?> option)
        {
            var text = Value(option);
            if (text is null || bool.TryParse(text, out var flag))
            {
                return text is not null && bool.Parse(text);
            }

            faults.Add($"{option.Name} must be true or false; it is {text}.");
            return false;
        }

        int Number(Option<string?> option, int otherwise)
        {
            var text = Value(option);
            if (text is null || int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out _))
            {
                return text is null ? otherwise : int.Parse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
            }

            faults.Add($"{option.Name} must be a whole number; it is {text}.");
            return otherwise;
        }

        LogFormat Format(string? text)
        {
            if (text is not null && !text.Equals("json", StringComparison.OrdinalIgnoreCase) && !text.Equals("text", StringComparison.OrdinalIgnoreCase))
            {
                faults.Add($"{_logFormat.Name} must be json or text; it is {text}.");
            }

            return text is null ? LogFormat.Auto : text.Equals("json", StringComparison.OrdinalIgnoreCase) ? LogFormat.Json : LogFormat.Text;
        }

        LogLevel Level(string text)
        {
            if (Enum.TryParse<LogLevel>(text, ignoreCase: true, out var level) && Enum.IsDefined(level))
            {
                return level;
            }

            faults.Add($"{_logLevel.Name} must be trace, debug, information, warning, error or none; it is {text}.");
            return LogLevel.Information;
        }

        Compatibility Ways(string? text)
        {
            if (text is not null && !text.Equals("default", StringComparison.OrdinalIgnoreCase) && !text.Equals("dms", StringComparison.OrdinalIgnoreCase))
            {
                faults.Add($"{_compatibility.Name} must be default or dms; it is {text}.");
            }

            return "dms".Equals(text, StringComparison.OrdinalIgnoreCase) ? Compatibility.Dms : Compatibility.Default;
        }

        string Resolve(Option<string?> option, string text)
        {
            try
            {
                return SecretText.Resolve(text);
            }
            catch (InvalidDataException failure)
            {
                faults.Add($"{option.Name}: {failure.Message}");
                return text;
            }
        }
    }

    /// <summary>The settings in force as JSON, in the form that <c>--config</c> reads; the password of a connection string is masked.</summary>
    public static async Task ShowAsync(ServeOptions options, TextWriter output)
    {
        using var buffer = new MemoryStream();
        await using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            json.WriteTexts("urls", options.Urls);
            json.WriteTexts("extension", options.Extensions);
            json.WriteString("database", Masked(options.Database));
            json.WriteBoolean("sandbox", options.Sandbox);
            json.WriteBoolean("sandbox-on-network", options.SandboxOnNetwork);
            json.WriteString("path-base", options.PathBase);
            json.WriteNumber("token-minutes", (int)options.TokenLifetime.TotalMinutes);
            json.WriteNumber("tokens-max", options.TokensMax);
            json.WriteNumber("snapshots-max", options.Snapshots.OpenMax);
            json.WriteNumber("snapshot-idle-seconds", (int)options.Snapshots.Idle.TotalSeconds);
            json.WriteNumber("snapshot-minutes", (int)options.Snapshots.Age.TotalMinutes);
            json.WriteString("admin-key", options.AdminKey);
            json.WriteString("admin-secret", options.AdminSecret is null ? null : "***");
            json.WriteString("oidc-issuer", options.Oidc?.Issuer);
            json.WriteString("oidc-audience", options.Oidc?.Audience);
            json.WriteString("oidc-keys-url", options.Oidc?.KeysUrl);
            json.WriteString("oidc-client-claim", options.Oidc?.ClientClaim);
            json.WriteTexts("profile", options.ProfileFiles);
            json.WriteBoolean("ownership", options.Ownership);
            json.WriteString("compatibility", options.Compatibility.ToString().ToLowerInvariant());
            json.WriteString("xsd", options.XsdFolder);
            InstanceSettings.Write(json, options, Masked);
            TrafficSettings.Write(json, options);
            json.WriteString("log-format", options.LogFormat.ToString().ToLowerInvariant());
            json.WriteString("log-level", options.LogLevel.ToString().ToLowerInvariant());
            json.WriteEndObject();
        }

        await output.WriteLineAsync(System.Text.Encoding.UTF8.GetString(buffer.ToArray()));
    }

    private static string[]? Many(Option<string[]> option, ParseResult parsed, IConfiguration file) =>
        parsed.GetResult(option) is { Implicit: false } ? parsed.GetValue(option)
        : Environment.GetEnvironmentVariable(VariableOf(option)) is { } variable ? variable.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
        : file[NameOf(option)] is { } one ? [one]
        : file.GetSection(NameOf(option)).GetChildren().Select(c => c.Value ?? "").ToArray() is { Length: > 0 } many ? many
        : null;

    private IConfiguration ReadFile(string? path)
    {
        if (path is null)
        {
            return new ConfigurationBuilder().Build();
        }

        if (!File.Exists(path))
        {
            throw new CliException(ExitCodes.Usage, $"--config: there is no file {path}.");
        }

        IConfigurationRoot file;
        try
        {
            file = new ConfigurationBuilder().AddJsonFile(Path.GetFullPath(path)).Build();
        }
        catch (Exception failure) when (failure is InvalidDataException or FormatException or IOException or UnauthorizedAccessException)
        {
            throw new CliException(ExitCodes.Usage, $"--config: {path} cannot be read as JSON: {JsonPlace.Say(failure)}", failure);
        }

        var known = Repeatable.Concat<Option>(Settings).Select(NameOf).Concat(InstanceSettings.Names).ToHashSet(StringComparer.OrdinalIgnoreCase);
        foreach (var name in file.GetChildren().Select(c => c.Key))
        {
            if (!known.Contains(name))
            {
                throw new CliException(ExitCodes.Usage, $"--config: {path} has a setting '{name}' that there is not. Known are {string.Join(", ", known.Order(StringComparer.Ordinal))}.");
            }
        }

        return file;
    }

    private static string Masked(string database)
    {
        if (!ServeOptions.NamesPostgres(database))
        {
            return database;
        }

        var parts = new DbConnectionStringBuilder();
        try
        {
            parts.ConnectionString = database;
        }
        catch (ArgumentException)
        {
            return "***";
        }

        foreach (var key in parts.Keys.Cast<string>().Where(k => k.Contains("pass", StringComparison.OrdinalIgnoreCase) || k.Contains("pwd", StringComparison.OrdinalIgnoreCase) || k.Contains("psw", StringComparison.OrdinalIgnoreCase)).ToArray())
        {
            parts[key] = "***";
        }

        return parts.ConnectionString;
    }

    private static Option<string?> Flag(string name, string description) => new(name) { Description = description, Arity = ArgumentArity.Zero };

    private static string NameOf(Option option) => option.Name[2..];

    private static string VariableOf(Option option) => "ROLLCALL_SERVE_" + NameOf(option).Replace('-', '_').ToUpperInvariant();
}
