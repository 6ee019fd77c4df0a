using System.CommandLine;
using System.Text.Json;
using Rollcall.Exchange.Client;
using Rollcall.Standard.Loading;

namespace Rollcall.Cli;

/// <summary>Where the options of <c>sync</c> come from beside the command line: <c>ROLLCALL_SYNC_…</c> variables, then the file of <c>--config</c>;
/// what none of them says, the mapping folder's profile does.</summary>
internal sealed class SyncSettings
{
    private const string ParameterName = "parameter";
    private readonly ParseResult _parsed;
    private readonly Dictionary<string, string> _file = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _parameters = new(StringComparer.Ordinal);

    /// <param name="known">The options that a file or the environment may name.</param>
    /// <exception cref="CliException">The file is missing, is not JSON, or names what there is not.</exception>
    public SyncSettings(ParseResult parsed, Option<string?> config, IEnumerable<Option> known)
    {
        _parsed = parsed;
        if (parsed.CommandResult.Command.Options.Contains(config) && (parsed.GetValue(config) ?? Environment.GetEnvironmentVariable("ROLLCALL_SYNC_CONFIG")) is { } path)
        {
            Load(path, [.. known.Select(o => o.Name[2..]), ParameterName]);
        }
    }

    /// <summary>The value of an option, its secrets resolved; null when nobody has given one or the sub-verb does not take it.</summary>
    public string? Of(Option<string?> option)
    {
        if (!_parsed.CommandResult.Command.Options.Contains(option))
        {
            return null;
        }

        var name = option.Name[2..];
        var text = _parsed.GetValue(option)
            ?? Environment.GetEnvironmentVariable("ROLLCALL_SYNC_" + name.Replace('-', '_').ToUpperInvariant())
            ?? _file.GetValueOrDefault(name);
        return text is null ? null : SecretText.Resolve(text);
    }

    /// <summary>The parameters of the queries: those of the file, and those of the command line in their place.</summary>
    public IReadOnlyDictionary<string, string> Parameters(Option<string[]> option)
    {
        var all = new Dictionary<string, string>(_parameters, StringComparer.Ordinal);
        foreach (var given in _parsed.GetValue(option) ?? [])
        {
            var parts = given.Split('=', 2);
            all[parts[0]] = parts.Length == 2 ? parts[1] : throw new CliException(ExitCodes.Usage, $"--parameter {given}: NAME=VALUE is expected.");
        }

        return all;
    }

    private void Load(string path, IReadOnlyList<string> known)
    {
        if (!File.Exists(path))
        {
            throw new CliException(ExitCodes.Usage, $"There is no configuration file {path}.");
        }

        try
        {
            using var json = JsonDocument.Parse(File.ReadAllBytes(path), new JsonDocumentOptions { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true });
            if (json.RootElement.ValueKind != JsonValueKind.Object)
            {
                throw new CliException(ExitCodes.Usage, $"{path}: an object of options is expected.");
            }

            foreach (var member in json.RootElement.EnumerateObject())
            {
                if (!known.Contains(member.Name, StringComparer.Ordinal))
                {
                    throw new CliException(ExitCodes.Usage, $"{path}: '{member.Name}' is no option of sync that a file can have. There are {string.Join(", ", known)}.");
                }

                if (member.Name == ParameterName && member.Value.ValueKind == JsonValueKind.Object)
                {
                    foreach (var parameter in member.Value.EnumerateObject())
                    {
                        _parameters[parameter.Name] = Text(path, parameter);
                    }
                }
                else
                {
                    _file[member.Name] = Text(path, member);
                }
            }
        }
        catch (JsonException e)
        {
            throw new CliException(ExitCodes.Usage, $"{path} is not JSON: {JsonPlace.Say(e)}", e);
        }
    }

    private static string Text(string path, JsonProperty member) => member.Value.ValueKind switch
    {
        JsonValueKind.String => member.Value.GetString()!,
        JsonValueKind.Number or JsonValueKind.True or JsonValueKind.False => member.Value.GetRawText(),
        _ => throw new CliException(ExitCodes.Usage, $"{path}: '{member.Name}' must be one value."),
    };
}
