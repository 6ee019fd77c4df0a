using System.CommandLine;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;
using Rollcall.Databases;
using Rollcall.Exchange.Ledger;
using Rollcall.Exchange.Sync.Mapping;
using Rollcall.Exchange.Sync.Sources;
using Rollcall.Standard.Keys;
using Rollcall.Standard.Loading;

namespace Rollcall.Cli;

/// <summary>The options that the sub-verbs of <c>sync</c> share, and how a mapping folder is read with them.</summary>
internal static class SyncOptionSet
{
    public static readonly Argument<string> Folder = new("PROFILE_FOLDER") { Description = "The mapping folder: profile.yaml, resources/*.sql, crosswalks/*.csv." };
    public static readonly Argument<string> Resource = new("RESOURCE") { Description = "A resource, for example students." };
    public static readonly Argument<string> Key = new("KEY") { Description = "An @source_key, a natural key (parts joined by |), an id of the target, or a hash." };
    public static readonly Option<string?> Source = new("--source") { Description = "Connection of the source, in place of the profile's.", HelpName = "CONNECTION" };
    public static readonly Option<string?> Url = new("--url") { Description = "Address of the target, in place of the profile's.", HelpName = "U" };
    public static readonly Option<string?> ClientKey = new("--key") { Description = "The client's key, in place of the profile's.", HelpName = "K" };
    public static readonly Option<string?> Secret = new("--secret") { Description = "The client's secret, in place of the profile's; also ${env:NAME} or ${file:PATH}.", HelpName = "S" };
    public static readonly Option<string?> Ledger = new("--ledger")
    {
        Description = "The ledger, in place of the profile's: a file, by default ledger.db in the folder, or a PostgreSQL connection string.",
        HelpName = "LEDGER",
    };

    public static readonly Option<string[]> Parameters = new("--parameter") { Description = "A parameter of the queries, in place of the profile's.", HelpName = "NAME=VALUE" };
    public static readonly Option<string?> Approve = new("--approve-deletes")
    {
        Description = "Lets the deletes go that the last run or plan held, as many as it showed and no more; NAME is kept with the run.",
        HelpName = "NAME",
    };

    public static readonly Option<bool> Fresh = new("--fresh")
    {
        Description = "The target had documents before the first run and none of them needs to be known: allows deletes without 'sync adopt'.",
    };

    public static readonly Option<bool> DryRun = new("--dry-run") { Description = "Plans and reports; sends nothing and keeps nothing." };
    public static readonly Option<string?> Actor = new("--actor") { Description = "Who or what began this, for the audit trail; by default the user's name.", HelpName = "NAME" };
    public static readonly Option<string?> SourceKey = new("--key") { Description = "Only the row with this @source_key.", HelpName = "K" };
    public static readonly Option<string[]> RowKey = new("--row") { Description = "Only the row with this @source_key; several times for several.", HelpName = "SOURCE_KEY" };
    public static readonly Option<string[]> Resources = new("--resource") { Description = "Only this resource; several times for several.", HelpName = "RESOURCE" };
    public static readonly Option<bool> Json = new("--json") { Description = "Prints the result as one JSON object on stdout." };
    public static readonly Option<string?> Config = new("--config") { Description = "JSON file with source, url, key, secret, ledger, actor, log-level and parameter.", HelpName = "FILE" };
    public static readonly Option<string?> LogLevel = new("--log-level")
    {
        Description = "What is said on stderr on the way: trace, debug (every call), information (every stage), warning, error or none. Default warning.",
        HelpName = "LEVEL",
    };

    public static readonly Option<bool> ShowConfig = new("--show-config") { Description = "Prints the settings as they are after all overrides, secrets masked, and ends." };

    /// <summary>What every sub-verb that talks to a target takes.</summary>
    public static Command WithConnections(this Command command)
    {
        foreach (var option in (Option[])[Source, Url, ClientKey, Secret, Ledger, Parameters, Config, LogLevel, ShowConfig, Json])
        {
            command.Add(option);
        }

        return command;
    }

    public static string NameOfUser(ParseResult parsed) => Settings(parsed).Of(Actor) ?? Environment.UserName;

    private static SyncSettings Settings(ParseResult parsed) => new(parsed, Config, [Source, Url, ClientKey, Secret, Ledger, Actor, LogLevel]);

    /// <exception cref="CliException">There is no such level.</exception>
    private static Microsoft.Extensions.Logging.LogLevel Level(ParseResult parsed)
    {
        var text = Settings(parsed).Of(LogLevel) ?? "warning";
        return Enum.TryParse<Microsoft.Extensions.Logging.LogLevel>(text, ignoreCase: true, out var level) && Enum.IsDefined(level) && !int.TryParse(text, out _)
            ? level : throw new CliException(ExitCodes.Usage, $"--log-level: '{text}' is not trace, debug, information, warning, error or none.");
    }

    /// <summary>Writes to stderr what <c>--log-level</c> asks for.</summary>
    public static ILoggerFactory Logs(ParseResult parsed)
    {
        var level = Level(parsed);
        return LoggerFactory.Create(logs => logs.SetMinimumLevel(level).AddSimpleConsole(c =>
        {
            c.SingleLine = true;
            c.TimestampFormat = "HH:mm:ss ";
        }).Services.Configure<ConsoleLoggerOptions>(c => c.LogToStandardErrorThreshold = Microsoft.Extensions.Logging.LogLevel.Trace));
    }

    public static MappingFolder Read(ParseResult parsed, bool isTargetAsked = true)
    {
        var settings = Settings(parsed);
        var overrides = new ProfileOverrides
        {
            SourceConnection = settings.Of(Source),
            TargetUrl = isTargetAsked ? settings.Of(Url) : "http://localhost",
            TargetKey = isTargetAsked ? settings.Of(ClientKey) : "-",
            TargetSecret = isTargetAsked ? settings.Of(Secret) : "-",
            LedgerPath = settings.Of(Ledger),
            Parameters = settings.Parameters(Parameters),
        };
        return MappingFolder.Read(parsed.GetValue(Folder)!, overrides);
    }

    /// <summary>The name and ledger of a profile, for sub-verbs that ask nobody else.</summary>
    public static (string Name, string Ledger) ReadProfile(ParseResult parsed)
    {
        var profile = MappingFolder.ReadProfile(parsed.GetValue(Folder)!, new ProfileOverrides
        {
            SourceConnection = "-",
            TargetUrl = "http://localhost",
            TargetKey = "-",
            TargetSecret = "-",
            LedgerPath = Settings(parsed).Of(Ledger),
        });
        return (profile.Name, profile.LedgerPath);
    }

    /// <summary>The target alone, for what concerns neither source nor ledger.</summary>
    public static TargetConfig ReadTarget(ParseResult parsed)
    {
        var settings = Settings(parsed);
        return MappingFolder.ReadProfile(parsed.GetValue(Folder)!, new ProfileOverrides
        {
            SourceConnection = "-",
            TargetUrl = settings.Of(Url),
            TargetKey = settings.Of(ClientKey),
            TargetSecret = settings.Of(Secret),
            LedgerPath = settings.Of(Ledger),
        }).Target;
    }

    /// <summary>The model that the folder is mapped to.</summary>
    public static Standard.Model.DataStandard StandardOf(ParseResult parsed) => MappingFolder.ModelOf(parsed.GetValue(Folder)!)?.Standard ?? CompactModelReader.EdFi52;

    /// <summary>The hash of a natural key for every resource whose key has as many parts.</summary>
    public static IReadOnlyCollection<UInt128> HashesOf(ParseResult parsed, string key)
    {
        var parts = key.Split('|');
        return [.. StandardOf(parsed).Resources.Where(r => r.Key.Length == parts.Length).Select(_ => HashOf(parts)).Concat(LedgerAccount.OlderKeyHashes(parts)).Distinct()];
    }

    private static UInt128 HashOf(string[] parts)
    {
        var key = new CanonicalKey(stackalloc byte[256]);
        foreach (var part in parts)
        {
            key.Append(part);
        }

        return key.Hash().Value;
    }

    public static string? ResourceName(ParseResult parsed, Option<string?> option) => parsed.GetValue(option) is { } name
        ? Standard.Model.ResourceName.TryParse(name) is { } parsedName && StandardOf(parsed).Find(parsedName) is { } model
            ? model.Name.ToString() : throw new CliException(ExitCodes.Usage, $"--resource {name}: the data standard has no such resource.")
        : null;

    /// <summary>Runs a sub-verb; what is wrong with the folder or the source becomes a message and an exit code.</summary>
    public static Task<int> GuardAsync(ParseResult parsed, string verb, Func<Task<int>> run)
    {
        var isJson = parsed.CommandResult.Command.Options.Contains(Json) && parsed.GetValue(Json);
        return ExchangeErrors.GuardAsync(verb, isJson, async () =>
        {
            try
            {
                if (parsed.CommandResult.Command.Options.Contains(ShowConfig) && parsed.GetValue(ShowConfig))
                {
                    await Console.Out.WriteAsync(Read(parsed).Profile.ToYaml());
                    return ExitCodes.Done;
                }

                // Also for sub-verbs that say nothing on the way.
                _ = Level(parsed);
                return await run();
            }
            catch (Exception e) when (Refused(e) is { } refused)
            {
                throw new CliException(refused.Code, refused.Message, e);
            }
        });
    }

    private static (int Code, string Message)? Refused(Exception e) => e switch
    {
        MappingException mapping => (ExitCodes.Usage, string.Join(Environment.NewLine + "  ", mapping.Faults)),
        DatabaseUnusableException => (ExitCodes.Usage, e.Message),
        SisException sis => (sis.IsUnavailable ? ExitCodes.Unavailable : ExitCodes.Usage, $"{e.Message.TrimEnd('.')}. Nothing was sent."),
        LedgerException ledger => (ledger.IsBusy ? ExitCodes.Unavailable : ExitCodes.Usage, e.Message),
        _ => null,
    };
}
