using System.Globalization;
using System.Text;
using Rollcall.Standard.Model;

namespace Rollcall.Exchange.Sync.Mapping;

/// <summary>Writes what an integration begins with: a folder, and a query per resource with every property of the data standard.</summary>
public static class MappingScaffold
{
    /// <exception cref="MappingException">The folder has something in it, or the provider is unknown.</exception>
    public static void Init(string folder, string provider)
    {
        if (provider is not ("sqlite" or "postgres" or "files" or "sqlserver") && !provider.Contains('.', StringComparison.Ordinal))
        {
            throw new MappingException($"--provider {provider}: sqlite, postgres, files, sqlserver or the name of an ADO.NET provider is expected.");
        }

        if (Directory.Exists(folder) && Directory.EnumerateFileSystemEntries(folder).Any())
        {
            throw new MappingException($"{folder} is not empty; nothing was written.");
        }

        Directory.CreateDirectory(Path.Combine(folder, "resources"));
        Directory.CreateDirectory(Path.Combine(folder, "crosswalks"));
        File.WriteAllText(Path.Combine(folder, "profile.yaml"), $$"""
            profile: {{Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder)))}}
            source:
              provider: {{provider}}
              connection: ${env:SIS_CONNECTION}     # {{(provider == "postgres" ? "Host=replica;Database=sis;Username=rollcall_reader;Password=..." : provider == "sqlite" ? "the path of the file" : provider == "files" ? "the folder of .csv and .ndjson files" : "a connection string of the provider")}}
              parameters: { year: 2027 }            # :year in the queries
            target:
              url: ${env:EDFI_URL}
              key: ${env:EDFI_KEY}
              secret: ${env:EDFI_SECRET}
            deletes:
              default: guarded                      # never | guarded | always
              holdIf: { percent: 5, andAtLeast: 25, zeroRows: true }

            """);
        File.WriteAllText(Path.Combine(folder, "crosswalks", "sexDescriptor.csv"), """
            # local codes to descriptors; the file is named after the descriptor type or the member
            local_code,descriptor
            F,uri://ed-fi.org/SexDescriptor#Female
            M,uri://ed-fi.org/SexDescriptor#Male
            *,error

            """);
        File.WriteAllText(Path.Combine(folder, ".gitignore"), "ledger.db*\n");
    }

    /// <summary>Returns the path of the file that was written.</summary>
    /// <exception cref="MappingException">There is no such resource or folder, or the file is there.</exception>
    public static string Resource(string folder, string resource, DataStandard standard)
    {
        if (!File.Exists(Path.Combine(folder, "profile.yaml")))
        {
            throw new MappingException($"{folder} is no mapping folder: it has no profile.yaml. 'sync init' makes one.");
        }

        var model = ResourceName.TryParse(resource) is { } name ? standard.Find(name) : null;
        if (model is null)
        {
            throw new MappingException($"the data standard has no resource {resource}" +
                (Nearest.To(resource, standard.Resources.Select(r => r.Name.Endpoint)) is { } near ? $"; did you mean {near}?" : "."));
        }

        // Two projects may have a resource of one name.
        var prefix = model.Name.Namespace == DataStandard.CoreNamespace ? "" : model.Name.Namespace + "-";
        var path = Path.Combine(folder, "resources", prefix + model.Name.Endpoint + ".sql");
        if (File.Exists(path))
        {
            throw new MappingException($"{path} is there already; nothing was written.");
        }

        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, Sql(model));
        return path;
    }

    /// <summary>A query that compiles as it stands, and maps nothing yet.</summary>
    internal static string Sql(ResourceModel model)
    {
        var sql = new StringBuilder();
        if (!model.Name.ToString().StartsWith("ed-fi/", StringComparison.Ordinal))
        {
            sql.AppendLine(CultureInfo.InvariantCulture, $"-- resource: {model.Name}");
        }

        sql.AppendLine(CultureInfo.InvariantCulture, $"-- {model.Name} of the Ed-Fi data standard. Replace each null by an expression; delete the lines of what you have nothing for.");
        if (!model.Referrers.IsEmpty && !model.AllowsKeyChange)
        {
            sql.AppendLine("-- A row that changes its natural key is held for a decision, because other documents refer to this resource (key-change).");
        }

        sql.AppendLine("""select null as "@source_key"          -- the row's stable key in the SIS: strongly advised""");
        sql.AppendLine("""     , null as "@scope"               -- the school's code, for its own crosswalk rows and for 'resync --school'""");

        // 1. The natural key: a bare name fills every place that must hold the same value.
        var filled = new HashSet<string>(StringComparer.Ordinal);
        foreach (var key in model.Key)
        {
            var places = key.Paths.Select(p => p.Text).Concat(model.Equalities.Where(e => !e.IsDmsOnly && e.Paths.Any(p => key.Paths.Any(k => k.Text == p.Text))).SelectMany(e => e.Paths).Select(p => p.Text)).Distinct().ToList();
            filled.UnionWith(places);
            var fills = places.Count > 1 || places[0] != "$." + key.Name ? $", fills {string.Join(" and ", places.Select(p => p[2..]))}" : "";
            sql.AppendLine(CultureInfo.InvariantCulture, $"     , null as \"{key.Name}\"          -- KEY, {Kind(key.Paths[0].Leaf)}{fills}");
        }

        // 2. What else is required, then what is not.
        foreach (var isRequired in (bool[])[true, false])
        {
            if (!isRequired)
            {
                sql.AppendLine("     -- optional:");
            }

            foreach (var (alias, property) in Leaves(model.Root, "", "$", isRequired).Where(l => !filled.Contains(l.Path)).Select(l => (l.Alias, l.Property)))
            {
                sql.AppendLine(CultureInfo.InvariantCulture, $"{(isRequired ? "     , " : "  -- , ")}null as \"{alias}\"          -- {(isRequired ? "required, " : "")}{Kind(property)}");
            }
        }

        sql.AppendLine("from your_table");
        return sql.ToString();
    }

    /// <param name="isRequired">Those that a document must have; else all others.</param>
    private static IEnumerable<(string Alias, string Path, PropertyModel Property)> Leaves(ObjectModel model, string alias, string path, bool isRequired, bool isInRequired = true)
    {
        foreach (var property in model.Properties)
        {
            // A reference that is given must be whole.
            var must = isInRequired && (property.IsRequired || property.MinItems > 0);
            var (name, at) = (alias + property.Name, path + "." + property.Name);
            if (property.Members is null)
            {
                if (must == isRequired)
                {
                    yield return (name, at, property);
                }
            }
            else if (property.Type == PropertyType.Reference)
            {
                foreach (var field in property.Members.Properties.Where(_ => must == isRequired))
                {
                    yield return ($"{name}.{field.Name}", $"{at}.{field.Name}", field);
                }
            }
            else
            {
                var (inner, innerPath) = property.Type == PropertyType.Array ? ($"{name}[0].", at + "[*]") : (name + ".", at);
                foreach (var leaf in Leaves(property.Members, inner, innerPath, isRequired, must))
                {
                    yield return leaf;
                }
            }
        }
    }

    private static string Kind(PropertyModel property) => property.Type switch
    {
        PropertyType.Descriptor => $"a code of crosswalks/{char.ToLowerInvariant(property.DescriptorType![0])}{property.DescriptorType[1..]}.csv, or namespace#codeValue",
        PropertyType.String => property.MaxLength is { } most ? FormattableString.Invariant($"text of up to {most} characters") : "text",
        PropertyType.Integer => "whole number",
        PropertyType.Decimal => "number",
        PropertyType.Date => "date",
        PropertyType.DateTime => "date and time with offset",
        PropertyType.Time => "time",
        PropertyType.Boolean => "true or false",
        _ => "value",
    };
}
