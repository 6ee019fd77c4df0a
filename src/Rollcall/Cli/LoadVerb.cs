using System.CommandLine;
using System.Globalization;
using Microsoft.Extensions.Configuration;
using Rollcall.Exchange.Client;
using Rollcall.Exchange.Delivery;
using Rollcall.Exchange.Load;
using Rollcall.Exchange.Publish;

namespace Rollcall.Cli;

/// <summary><c>rollcall load</c>: sends a folder of documents to an Ed-Fi API.</summary>
internal static class LoadVerb
{
    private static readonly Argument<string> _path = new("FOLDER|FILE")
    {
        Description = "Documents: .ndjson, .json, each also .gz. A manifest.json in the folder names files and resources; else a file is named after its resource.",
    };

    private static readonly Option<string?> _url = new("--url") { Description = "Base address of the API, without data/v3.", HelpName = "U" };
    private static readonly Option<string?> _key = new("--key") { Description = "The client's key.", HelpName = "K" };
    private static readonly Option<string?> _secret = new("--secret") { Description = "The client's secret; also ${env:NAME} or ${file:PATH}.", HelpName = "S" };
    private static readonly Option<string?> _scope = new("--scope") { Description = "Education organization that the token is narrowed to.", HelpName = "ID" };
    private static readonly Option<string?> _authUrl = new("--auth-url") { Description = "Token endpoint, if it is not the API's own.", HelpName = "U" };
    private static readonly Option<string?> _schoolYear = new("--school-year") { Description = "Year of a year-specific deployment.", HelpName = "YYYY" };
    private static readonly Option<string?> _connections = new("--connections")
    {
        Description = "Ceiling of requests in flight; the level below it is found by itself. Default 64.",
        HelpName = "N",
    };

    private static readonly Option<string?> _rejected = new("--rejected")
    {
        Description = "Writes refused documents with their reason to this file, which load can read again. It holds records: keep it safe.",
        HelpName = "FILE",
    };

    private static readonly Option<string?> _descriptors = new("--standard-descriptors")
    {
        Description = "Which of a manifest's standard descriptors to send: missing (default: types of which the API has none), all, none.",
        HelpName = "WHICH",
    };

    private static readonly Option<string?> _ignoreSsl = new("--ignore-ssl-errors") { Description = "Accepts any server certificate.", Arity = ArgumentArity.Zero };
    private static readonly Option<string?> _logLevel = new("--log-level") { Description = "trace, debug, information, warning, error or none. Default information.", HelpName = "LEVEL" };
    private static readonly Option<string?> _dryRun = new("--dry-run") { Description = "Reads and checks everything, sends nothing.", Arity = ArgumentArity.Zero };
    private static readonly Option<bool> _json = new("--json") { Description = "Prints the result as one JSON object on stdout." };
    private static readonly Option<string?> _config = new("--config") { Description = "JSON file with these options under their names.", HelpName = "FILE" };
    private static readonly Option<bool> _showConfig = new("--show-config") { Description = "Prints the settings in force, secrets masked, and ends." };

    private static readonly Option<string?>[] _settings =
        [_url, _key, _secret, _scope, _authUrl, _schoolYear, _connections, _rejected, _descriptors, _ignoreSsl, _logLevel, _dryRun];

    private static readonly Option<string?>[] _flags = [_ignoreSsl, _dryRun];

    public static Command Create() =>
        new Command("load", "Sends a folder of documents to an Ed-Fi API, in dependency order.")
        {
            _path, _url, _key, _secret, _scope, _authUrl, _schoolYear, _connections, _rejected, _descriptors, _ignoreSsl, _logLevel, _dryRun, _json, _config, _showConfig,
        }.WithExamples("""
            rollcall load ./grand-bend --url http://127.0.0.1:8001 --key sandbox --secret sandbox
            rollcall load students.ndjson.gz --url https://api.example.org --key K --secret '${env:EDFI_SECRET}' --rejected refused.ndjson
            rollcall load refused.ndjson --url https://api.example.org --key K --secret '${file:/run/secrets/edfi}' --json
            """).OnRun((parsed, cancellationToken) =>
            ExchangeErrors.GuardAsync("load", parsed.GetValue(_json), () => RunAsync(parsed, cancellationToken)));

    private static async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        var settings = ReadSettings(parsed);
        if (parsed.GetValue(_showConfig))
        {
            foreach (var option in _settings)
            {
                var value = settings[option.Name[2..]];
                Console.Out.WriteLine($"{option.Name[2..]} = {(option == _secret && value is not null ? "(set)" : value ?? "")}");
            }

            return ExitCodes.Done;
        }

        using var log = LogLines.Start(settings[_logLevel.Name[2..]]);
        var options = ReadOptions(parsed, settings);
        using var load = await LoadRun.PrepareAsync(options, cancellationToken);
        LoadReport report;
        await using (log.ShowsProgress ? Progress.Start(() => Snapshot(load.Progress, load.Target), null, load.Progress.InWork) : null)
        {
            report = await load.RunAsync(cancellationToken);
        }

        if (parsed.GetValue(_json))
        {
            ExchangeErrors.PrintJson(json => report.WriteJson(json, options.Target.Url.AbsoluteUri));
        }

        if (log.ShowsProgress)
        {
            await Console.Error.WriteAsync(report.Outcome == "nothing"
                ? $"Nothing to load: there is no document in {options.Path} that the API does not have.{Environment.NewLine}"
                : report.ToText(options.Target.Url.AbsoluteUri));
        }

        return report.Outcome switch
        {
            "done" => ExitCodes.Done,
            "nothing" => ExitCodes.NothingToDo,
            "interrupted" => ExitCodes.Interrupted,
            "unavailable" => ExitCodes.Unavailable,
            _ => ExitCodes.Refusals,
        };
    }

    internal static ProgressSnapshot Snapshot(DeliveryProgress progress, EdFiClient target) => new(
        progress.Expected, progress.Offered, progress.Done, progress.Refused + progress.Warned, progress.Held, target.Requests, target.Concurrency);

    /// <summary>Command line before environment (<c>ROLLCALL_LOAD_AUTH_URL</c>) before file.</summary>
    private static Dictionary<string, string?> ReadSettings(ParseResult parsed)
    {
        var file = new ConfigurationBuilder();
        if (parsed.GetValue(_config) is { } path)
        {
            if (!File.Exists(path))
            {
                throw new CliException(ExitCodes.Usage, $"There is no configuration file {path}.");
            }

            file.AddJsonFile(Path.GetFullPath(path));
        }

        var fromFile = file.Build();
        var known = _settings.Select(o => o.Name[2..]).ToHashSet(StringComparer.OrdinalIgnoreCase);
        if (fromFile.AsEnumerable().FirstOrDefault(e => !known.Contains(e.Key)).Key is { } unknown)
        {
            throw new CliException(ExitCodes.Usage, $"{parsed.GetValue(_config)}: there is no setting '{unknown}'.");
        }

        return _settings.ToDictionary(
            o => o.Name[2..],
            o => parsed.GetResult(o) is { } given && (_flags.Contains(o) || given.Tokens.Count > 0)
                ? _flags.Contains(o) ? "true" : parsed.GetValue(o)
                : Environment.GetEnvironmentVariable("ROLLCALL_LOAD_" + o.Name[2..].Replace('-', '_').ToUpperInvariant()) ?? fromFile[o.Name[2..]],
            StringComparer.OrdinalIgnoreCase);
    }

    private static LoadOptions ReadOptions(ParseResult parsed, Dictionary<string, string?> settings)
    {
        var faults = new List<string>();
        string Required(Option option)
        {
            if (settings[option.Name[2..]] is { Length: > 0 } value)
            {
                return SecretText.Resolve(value);
            }

            faults.Add($"{option.Name} is missing");
            return "";
        }

        Uri? Address(Option option, string? text)
        {
            if (Uri.TryCreate(text, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https")
            {
                return uri;
            }

            faults.Add($"{option.Name}: '{text}' is no http or https address");
            return null;
        }

        int? Number(Option option, int from, int to)
        {
            if (settings[option.Name[2..]] is not { } text)
            {
                return null;
            }

            if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= from && number <= to)
            {
                return number;
            }

            faults.Add($"{option.Name}: '{text}' is not a number from {from} to {to}");
            return null;
        }

        var urlText = Required(_url);
        var url = urlText.Length > 0 ? Address(_url, urlText) : null;
        if (url is not null && SettingReader.IsDataAddress(url))
        {
            faults.Add("--url: give the base address, without data/v3");
        }

        var authUrl = settings[_authUrl.Name[2..]] is { } auth ? Address(_authUrl, auth) : null;
        var key = Required(_key);
        var secret = Required(_secret);
        var year = Number(_schoolYear, 1900, 2999);
        var connections = Number(_connections, 1, 1000) ?? 64;
        var which = StandardDescriptors.Missing;
        if (settings[_descriptors.Name[2..]] is { } text && (!Enum.TryParse(text, true, out which) || !Enum.IsDefined(which) || int.TryParse(text, out _)))
        {
            faults.Add($"{_descriptors.Name}: '{text}' is not missing, all or none");
        }

        bool IsSet(Option option)
        {
            if (settings[option.Name[2..]] is not { } text)
            {
                return false;
            }

            if (bool.TryParse(text, out var isSet))
            {
                return isSet;
            }

            faults.Add($"{option.Name}: '{text}' is not true or false");
            return false;
        }

        var (dryRun, ignoreSsl) = (IsSet(_dryRun), IsSet(_ignoreSsl));

        if (faults.Count > 0)
        {
            throw new CliException(ExitCodes.Usage, string.Join("; ", faults) + ". See 'rollcall load --help'.");
        }

        return new LoadOptions
        {
            Path = parsed.GetValue(_path)!,
            Target = new ApiConnection(url!, key, secret) { AuthUrl = authUrl, Scope = settings[_scope.Name[2..]], SchoolYear = year },
            Connections = connections,
            RejectedFile = settings[_rejected.Name[2..]],
            StandardDescriptors = which,
            DryRun = dryRun,
            IgnoreSslErrors = ignoreSsl,
        };
    }
}
