using System.Data.Common;
using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Rollcall.Demo;
using Rollcall.Standard.Loading;
using Rollcall.Standard.Model;

namespace Rollcall.Tests.Demo;

/// <summary>A slow, plain reading of the sample's mapping folder, for judging it: shares no code with the sync.</summary>
public sealed partial class SampleMapping
{
    public sealed record QueryFile(string Name, ResourceModel Resource, string? Array, string Sql);

    public sealed record CrosswalkRow(string LocalCode, string School, string Descriptor);

    /// <param name="Body">The document; members in ordinal order, arrays sorted.</param>
    public sealed record MappedDocument(ResourceModel Resource, string SourceKey, string Key, JsonObject Body);

    /// <summary>A descriptor member that a query filled, and what became of it.</summary>
    public sealed record CodeUse(string DescriptorType, string LocalCode, bool HasOwnRow);

    public required IReadOnlyList<QueryFile> Files { get; init; }

    public required IReadOnlyDictionary<string, IReadOnlyList<CrosswalkRow>> Crosswalks { get; init; }

    public required string Profile { get; init; }

    /// <summary>Resources whose documents are never deleted.</summary>
    public required IReadOnlySet<string> NeverDeleted { get; init; }

    public static DataStandard Standard => CompactModelReader.EdFi52;

    /// <summary>Reads the folder as the demo writes it out.</summary>
    public static async Task<SampleMapping> LoadAsync()
    {
        var folder = Directory.CreateTempSubdirectory("rollcall-mapping-").FullName;
        try
        {
            await LimitlessSis.WriteMappingAsync(folder);
            var files = Directory.GetFiles(Path.Combine(folder, "resources")).Order(StringComparer.Ordinal).Select(f =>
            {
                var parts = Path.GetFileNameWithoutExtension(f).Split('.');
                return new QueryFile(Path.GetFileName(f), Standard.Core(parts[0]), parts.ElementAtOrDefault(1), File.ReadAllText(f));
            }).ToArray();
            var profile = await File.ReadAllTextAsync(Path.Combine(folder, "profile.yaml"));
            return new SampleMapping
            {
                Files = files,
                Profile = profile,
                NeverDeleted = NeverLine().Matches(profile).Select(m => m.Groups[1].Value).ToHashSet(StringComparer.Ordinal),
                Crosswalks = Directory.GetFiles(Path.Combine(folder, "crosswalks")).ToDictionary(
                    f => Path.GetFileNameWithoutExtension(f),
                    f => (IReadOnlyList<CrosswalkRow>)[.. File.ReadAllLines(f).Skip(1).Select(Row)],
                    StringComparer.Ordinal),
            };
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>Runs one query. Values come as text, numbers and flags in plain digits, dates as ISO.</summary>
    public static async Task<List<Dictionary<string, string>>> RunAsync(
        DbConnection connection, QueryFile file, string identity = "state_id", int district = 0)
    {
        await using var command = connection.CreateCommand();
        command.CommandText = $"with q as (\n{file.Sql}\n) select * from q order by \"{(file.Array is null ? "@source_key" : "@parent")}\"";
        foreach (var (name, value) in new (string, object)[] { ("district", district), ("year", 2027), ("identity_studentUniqueId", identity) })
        {
            var parameter = command.CreateParameter();
            parameter.ParameterName = name;
            parameter.Value = value;
            command.Parameters.Add(parameter);
        }

        await using var reader = await command.ExecuteReaderAsync();
        var rows = new List<Dictionary<string, string>>();
        var names = Enumerable.Range(0, reader.FieldCount).Select(reader.GetName).ToArray();
        while (await reader.ReadAsync())
        {
            var row = new Dictionary<string, string>(StringComparer.Ordinal);
            for (var i = 0; i < names.Length; i++)
            {
                if (!reader.IsDBNull(i))
                {
                    row.Add(names[i], Text(reader.GetValue(i)));
                }
            }

            rows.Add(row);
        }

        return rows;
    }

    /// <summary>Maps the whole database to documents.</summary>
    public async Task<List<MappedDocument>> MapAsync(
        DbConnection connection, string identity = "state_id", int district = 0, ICollection<CodeUse>? codes = null)
    {
        var documents = new List<MappedDocument>();
        foreach (var file in Files.Where(f => f.Array is null))
        {
            var byParent = new Dictionary<string, List<(string Array, Dictionary<string, string> Row)>>(StringComparer.Ordinal);
            foreach (var child in Files.Where(f => f.Resource == file.Resource && f.Array is not null))
            {
                foreach (var row in await RunAsync(connection, child, identity, district))
                {
                    if (!byParent.TryGetValue(row["@parent"], out var rows))
                    {
                        byParent[row["@parent"]] = rows = [];
                    }

                    rows.Add((child.Array!, row));
                }
            }

            foreach (var row in await RunAsync(connection, file, identity, district))
            {
                var body = new JsonObject();
                var school = row.GetValueOrDefault("@scope", "");
                foreach (var (alias, value) in row.Where(c => c.Key[0] != '@'))
                {
                    Set(body, file.Resource, alias, value, school, codes);
                }

                if (byParent.Remove(row["@source_key"], out var children))
                {
                    foreach (var (array, child) in children)
                    {
                        if (body[array] is not JsonArray items)
                        {
                            body[array] = items = [];
                        }

                        var item = new JsonObject();
                        foreach (var (alias, value) in child.Where(c => c.Key[0] != '@'))
                        {
                            SetPath(item, file.Resource.Root.Find(array)!.Members!, alias, value, school, codes);
                        }

                        items.Add((JsonNode)item);
                    }
                }

                var sorted = (JsonObject)Sorted(body);
                documents.Add(new MappedDocument(file.Resource, row["@source_key"], Key(file.Resource, sorted), sorted));
            }

            Assert.True(byParent.Count == 0, $"{file.Name}: child rows without a parent, for example {byParent.Keys.FirstOrDefault()}");
        }

        return documents;
    }

    /// <summary>The natural key as text, in the order of the model's key members.</summary>
    public static string Key(ResourceModel resource, JsonObject body) => string.Join('|', resource.Key.Select(k => Value(body, k.Paths[0].Text)));

    private static string Value(JsonObject body, string path)
    {
        JsonNode? node = body;
        foreach (var part in path[2..].Split('.'))
        {
            node = node?[part];
        }

        return node?.ToString().ToUpperInvariant() ?? throw new InvalidDataException($"{path} is missing in a key.");
    }

    // A name without dots is a root member, or a member of the natural key that goes to every place the model unifies it.
    private void Set(JsonObject body, ResourceModel resource, string alias, string value, string school, ICollection<CodeUse>? codes)
    {
        if (!alias.Contains('.', StringComparison.Ordinal) && resource.Root.Find(alias) is null)
        {
            var key = resource.Key.FirstOrDefault(k => k.Name == alias)
                ?? throw new InvalidDataException($"{resource.Name.Endpoint} has no member or key {alias}.");
            foreach (var path in key.Paths)
            {
                SetPath(body, resource.Root, path.Text[2..], value, school, codes);
            }
        }
        else
        {
            SetPath(body, resource.Root, alias, value, school, codes);
        }
    }

    private void SetPath(JsonObject into, ObjectModel members, string path, string value, string school, ICollection<CodeUse>? codes)
    {
        var dot = path.IndexOf('.', StringComparison.Ordinal);
        var step = dot < 0 ? path : path[..dot];
        var bracket = step.IndexOf('[', StringComparison.Ordinal);
        var name = bracket < 0 ? step : step[..bracket];
        var property = members.Find(name) ?? throw new InvalidDataException($"There is no member {name} of {path}.");
        if (dot < 0)
        {
            into[name] = Scalar(property, value, school, codes);
            return;
        }

        JsonObject next;
        if (bracket >= 0)
        {
            Assert.Equal(PropertyType.Array, property.Type);
            if (into[name] is not JsonArray items)
            {
                into[name] = items = [];
            }

            var index = int.Parse(step[(bracket + 1)..^1], CultureInfo.InvariantCulture);
            while (items.Count <= index)
            {
                items.Add((JsonNode)new JsonObject());
            }

            next = (JsonObject)items[index]!;
        }
        else
        {
            Assert.Contains(property.Type, new[] { PropertyType.Reference, PropertyType.Object });
            if (into[name] is not JsonObject)
            {
                into[name] = new JsonObject();
            }

            next = (JsonObject)into[name]!;
        }

        SetPath(next, property.Members!, path[(dot + 1)..], value, school, codes);
    }

    private JsonValue Scalar(PropertyModel property, string value, string school, ICollection<CodeUse>? codes) => property.Type switch
    {
        PropertyType.Boolean => JsonValue.Create(value is "1" || (value is "0" ? false : throw new InvalidDataException($"{property}: {value}"))),
        PropertyType.Integer => JsonValue.Create(long.Parse(value, CultureInfo.InvariantCulture)),
        PropertyType.Decimal => JsonValue.Create(decimal.Parse(value, CultureInfo.InvariantCulture)),
        PropertyType.Descriptor => JsonValue.Create(Translate(property, value, school, codes)),
        PropertyType.String or PropertyType.Date or PropertyType.Time => JsonValue.Create(value),
        _ => throw new InvalidDataException($"{property} is no scalar."),
    };

    private string Translate(PropertyModel property, string code, string school, ICollection<CodeUse>? codes)
    {
        var type = property.DescriptorType!;
        var rows = Crosswalks.GetValueOrDefault(property.Name) ?? Crosswalks.GetValueOrDefault(char.ToLowerInvariant(type[0]) + type[1..])
            ?? throw new InvalidDataException($"There is no crosswalk for {property.Name} of type {type}.");
        var own = rows.FirstOrDefault(r => r.LocalCode == code && r.School.Length > 0 && r.School == school)
            ?? rows.FirstOrDefault(r => r.LocalCode == code && r.School.Length == 0);
        codes?.Add(new CodeUse(type, code, own is not null));
        return (own ?? rows.First(r => r.LocalCode == "*")).Descriptor;
    }

    private static CrosswalkRow Row(string line)
    {
        var match = CsvLine().Match(line);
        Assert.True(match.Success, line);
        return new CrosswalkRow(match.Groups[1].Value, match.Groups[2].Value, match.Groups[3].Value + match.Groups[4].Value);
    }

    /// <summary>A document's text with members in ordinal order and arrays sorted, for comparing.</summary>
    public static string SortedText(JsonNode document) => Sorted(document).ToJsonString();

    private static JsonNode Sorted(JsonNode node) => node switch
    {
        JsonObject o => new JsonObject(o.OrderBy(m => m.Key, StringComparer.Ordinal)
            .Select(m => KeyValuePair.Create(m.Key, (JsonNode?)Sorted(m.Value!)))),
        JsonArray a => new JsonArray([.. a.Select(i => Sorted(i!)).OrderBy(i => i.ToJsonString(), StringComparer.Ordinal)]),
        _ => node.DeepClone(),
    };

    private static string Text(object value) => value switch
    {
        string s => s,
        bool b => b ? "1" : "0",
        DateOnly d => d.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture),
        DateTime d => d.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture),
        decimal d => d.ToString("0.####", CultureInfo.InvariantCulture),
        double d => d.ToString("0.####", CultureInfo.InvariantCulture),
        _ => Convert.ToString(value, CultureInfo.InvariantCulture)!,
    };

    [GeneratedRegex("^([^,]*),([^,]*),(?:\"([^\"]*)\"|([^,]*))$")]
    private static partial Regex CsvLine();

    [GeneratedRegex("^    (\\w+): never$", RegexOptions.Multiline)]
    private static partial Regex NeverLine();
}
