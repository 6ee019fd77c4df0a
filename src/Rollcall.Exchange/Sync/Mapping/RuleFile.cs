using System.Text.RegularExpressions;
using Rollcall.Standard.Model;

namespace Rollcall.Exchange.Sync.Mapping;

/// <summary>A level-2 rule of a mapping folder: SQL over the source that must return no rows. What it returns is told and sent all the same:
/// the data standard decides over documents, a rule over what a steward should look at.</summary>
internal sealed partial record RuleFile(string FileName, ResourceName Resource, string Sql)
{
    public static IReadOnlyList<RuleFile> ReadAll(string folder, DataStandard standard, List<string> faults)
    {
        var rules = new List<RuleFile>();
        if (!Directory.Exists(folder))
        {
            return rules;
        }

        foreach (var path in Directory.EnumerateFiles(folder).Order(StringComparer.Ordinal))
        {
            var name = "rules/" + Path.GetFileName(path);
            var text = File.ReadAllText(path);
            if (Path.GetExtension(path) != ".sql")
            {
                faults.Add($"{name}: a rule is a .sql file.");
            }
            else if (About().Match(text) is { Success: true } about && ResourceName.TryParse(about.Groups[1].Value) is { } resource && standard.Find(resource) is { } model)
            {
                rules.Add(new RuleFile(name, model.Name, SqlText.WithoutTerminator(text)));
            }
            else
            {
                faults.Add($"{name}: a rule says what it is about in its first lines: -- resource: students");
            }
        }

        return rules;
    }

    [GeneratedRegex(@"^\s*--\s*resource:\s*(\S+)\s*$", RegexOptions.Multiline)]
    private static partial Regex About();
}
