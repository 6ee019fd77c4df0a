using System.Text.RegularExpressions;
using Rollcall.Standard.Model;

namespace Rollcall.Exchange.Sync.Mapping;

/// <summary>What happens when a SIS row keeps its <c>@source_key</c> but its natural key changes.</summary>
public enum KeyChangePolicy
{
    /// <summary><see cref="Auto"/> where the target can change the key or nothing refers to the resource, otherwise <see cref="Hold"/>.</summary>
    Default,

    /// <summary>PUT where the target allows it, otherwise the new document is posted and the old one deleted.</summary>
    Auto,

    /// <summary>Nothing is sent until somebody decides: the steward's choice for a pupil's identifier.</summary>
    Hold,
}

/// <summary>One SQL file of a mapping folder: the query and what its header lines say.</summary>
internal sealed partial class MappingFile
{
    private MappingFile(string fileName, string stem, string? childArray, string sql)
    {
        FileName = fileName;
        Stem = stem;
        ChildArray = childArray;
        Sql = SqlText.WithoutTerminator(sql);
        Parameters = SqlText.Parameters(Sql);
    }

    /// <summary>As shown in messages: <c>resources/students.sql</c>.</summary>
    public string FileName { get; }

    /// <summary>The first part of the name, which a resource's file shares with those of its child arrays.</summary>
    public string Stem { get; }

    /// <summary>The array that a child file fills; null for a resource's own file.</summary>
    public string? ChildArray { get; }

    public string Sql { get; }

    public IReadOnlyList<string> Parameters { get; }

    public ResourceName Resource { get; private set; }

    public DeletePolicy? Deletes { get; private set; }

    public KeyChangePolicy KeyChange { get; private set; }

    /// <summary>SQL conditions over the aliases that every row must meet.</summary>
    public List<string> Expectations { get; } = [];

    /// <summary>Which rows of the query a changed row of a table concerns: the table in lower case, and SQL that returns their source keys, or null for all of them.</summary>
    public Dictionary<string, string?> Affects { get; } = new(StringComparer.Ordinal);

    /// <summary>SQL whose result stays equal while the query's result does; null when the file gives none.</summary>
    public string? Signature { get; private set; }

    /// <summary>Column names that stand for a path too long to be one.</summary>
    public Dictionary<string, string> Aliases { get; } = new(StringComparer.Ordinal);

    public static MappingFile Read(string path, List<string> faults)
    {
        var fileName = "resources/" + Path.GetFileName(path);
        var parts = Path.GetFileNameWithoutExtension(path).Split('.');
        var file = new MappingFile(fileName, parts[0], parts.Length > 1 ? parts[1] : null, File.ReadAllText(path));
        if (parts.Length > 2)
        {
            faults.Add($"{fileName}: a child file is named RESOURCE.ARRAY.sql; arrays within arrays are mapped by indexed aliases or a JSON column.");
        }

        file.Resource = new ResourceName("ed-fi", parts[0]);
        file.ReadHeader(File.ReadLines(path), faults);
        return file;
    }

    private void ReadHeader(IEnumerable<string> lines, List<string> faults)
    {
        var isAffects = false;
        foreach (var line in lines.TakeWhile(l => l.TrimStart().StartsWith("--", StringComparison.Ordinal) || string.IsNullOrWhiteSpace(l)))
        {
            if (AliasLine().Match(line) is { Success: true } alias)
            {
                Aliases[alias.Groups[1].Value] = alias.Groups[2].Value;
            }
            else if (isAffects && AffectsLine().Match(line) is { Success: true } more)
            {
                Affect(more.Groups[1].Value, more.Groups[2].Value, faults);
            }
            else if (OptionLine().Match(line) is { Success: true } option)
            {
                isAffects = option.Groups[1].Value == "affects";
                Option(option.Groups[1].Value, option.Groups[2].Value, faults);
            }
        }
    }

    private void Option(string name, string value, List<string> faults)
    {
        var word = value.Split(' ', 2)[0];
        if (ChildArray is not null && name != "expect")
        {
            faults.Add($"{FileName}: the option '{name}' belongs in the resource's own file.");
            return;
        }

        switch (name)
        {
            case "resource" when ResourceName.TryParse(word) is { } resource:
                Resource = resource;
                break;
            case "deletes" when word is "never" or "guarded" or "always":
                Deletes = word == "never" ? DeletePolicy.Never : word == "guarded" ? DeletePolicy.Guarded : DeletePolicy.Always;
                break;
            case "key-change" when word is "auto" or "hold":
                KeyChange = word == "auto" ? KeyChangePolicy.Auto : KeyChangePolicy.Hold;
                break;
            case "expect" when value.Length > 0:
                Expectations.Add(value);
                break;
            case "affects" when AffectsLine().Match("-- " + value) is { Success: true } rule:
                Affect(rule.Groups[1].Value, rule.Groups[2].Value, faults);
                break;
            case "signature" when value.Length > 0:
                Signature = value;
                break;
            case "resource" or "deletes" or "key-change" or "expect" or "affects" or "signature":
                faults.Add($"{FileName}: '{value}' is no value of the option '{name}'.");
                break;
            default:
                faults.Add($"{FileName}: the header option '{name}' is not supported by this build (resource, deletes, key-change, expect, affects, signature and alias are). " +
                    "A comment that is no option must not begin with a word and a colon.");
                break;
        }
    }

    private void Affect(string table, string rule, List<string> faults)
    {
        if (!Affects.TryAdd(table.ToLowerInvariant(), rule == "dirty" ? null : rule.TrimEnd(';')))
        {
            faults.Add($"{FileName}: the table {table} has two 'affects' rules.");
        }
    }

    [GeneratedRegex(@"^\s*--\s*([A-Za-z_][\w.]*):\s*(dirty|(?:select|with)\b.*?)\s*$")]
    private static partial Regex AffectsLine();

    [GeneratedRegex(@"^\s*--\s*alias\s+(\S+)\s*=\s*(\S+)\s*$")]
    private static partial Regex AliasLine();

    /// <summary>Any word, so that an option in another spelling is refused rather than ignored; an address is none.</summary>
    [GeneratedRegex(@"^\s*--\s*([A-Za-z][\w-]*)\s*:(?!//)\s*(.*?)\s*$")]
    private static partial Regex OptionLine();
}
