using System.Text.Json;
using System.Text.Json.Nodes;
using Rollcall.Standard.Model;

namespace Rollcall.Standard.Loading.OpenApi;

/// <summary>The model of one API, kept as a file: the built-in core where the API serves that, else what its OpenAPI documents say, and its extensions.</summary>
public sealed class TargetModel
{
    private const string Format = "rollcall target model 1";
    private const string BuiltIn = "built-in";

    /// <summary>Of a project that the root document does not name.</summary>
    public const string UnknownVersion = "0.0.0";

    private readonly JsonObject _file;

    private TargetModel(JsonObject file, DataStandard standard)
    {
        (_file, Standard) = (file, standard);
        LeftOut = [.. file["leftOut"]!.AsArray().Select(l => l!.GetValue<string>())];
        DataModels = file["dataModels"]!.AsObject().ToDictionary(m => m.Key, m => m.Value!.GetValue<string>(), StringComparer.OrdinalIgnoreCase);
        IsCoreBuiltIn = file["core"] is JsonValue;
    }

    public DataStandard Standard { get; }

    /// <summary>What the documents do not tell, a line each.</summary>
    public IReadOnlyList<string> LeftOut { get; }

    /// <summary>Projects and versions that the API named when the model was read.</summary>
    public IReadOnlyDictionary<string, string> DataModels { get; }

    /// <summary>Otherwise the core, too, comes from OpenAPI, and which of its values are unified is not known.</summary>
    public bool IsCoreBuiltIn { get; }

    /// <param name="dataModels">Projects and versions as the API's root document gives them.</param>
    /// <exception cref="InvalidDataException">The documents are no Ed-Fi API's, or contradict themselves.</exception>
    public static TargetModel FromOpenApi(JsonElement resources, JsonElement descriptors, IReadOnlyDictionary<string, string> dataModels)
    {
        try
        {
            var import = OpenApiImport.Read(resources, descriptors, dataModels);
            var core = CompactModelReader.EdFi52.Projects[0].Version;
            var isBuiltIn = dataModels.TryGetValue("Ed-Fi", out var version) && MajorMinor(version) == MajorMinor(core);
            return Read(new JsonObject
            {
                ["format"] = Format,
                ["dataModels"] = new JsonObject(dataModels.OrderBy(m => m.Key, StringComparer.Ordinal).Select(m => KeyValuePair.Create<string, JsonNode?>(m.Key, m.Value))),
                ["leftOut"] = new JsonArray([.. import.LeftOut.Where(l => !isBuiltIn || !l.StartsWith(DataStandard.CoreNamespace + "/", StringComparison.Ordinal) || l.Contains($".{DataStandard.ExtensionMember}.", StringComparison.Ordinal)).Order(StringComparer.Ordinal).Select(l => JsonValue.Create(l))]),
                ["core"] = isBuiltIn ? BuiltIn : import.Core,
                ["extensions"] = new JsonArray([.. import.Extensions]),
            });
        }
        catch (Exception fault) when (ModelFiles.IsBrokenModel(fault))
        {
            throw new InvalidDataException($"The OpenAPI documents cannot be understood: {fault.Message}", fault);
        }
    }

    /// <exception cref="InvalidDataException">The file is none of ours, or was changed so that it contradicts itself.</exception>
    public static TargetModel Load(string path)
    {
        try
        {
            return Read(JsonNode.Parse(File.ReadAllBytes(path))!.AsObject());
        }
        catch (Exception fault) when (fault is JsonException or NullReferenceException || ModelFiles.IsBrokenModel(fault))
        {
            throw new InvalidDataException($"{path} is no model of a target: {fault.Message.TrimEnd('.')}. Remove it and read it again with 'rollcall sync model'.", fault);
        }
    }

    public string ToText() => ModelFiles.Write(_file);

    private static TargetModel Read(JsonObject file)
    {
        if (file["format"]?.GetValue<string>() != Format)
        {
            throw new InvalidDataException($"it does not say \"format\": \"{Format}\"");
        }

        using var builtIn = JsonDocument.Parse(CompactModelReader.OpenCore());
        using var text = JsonDocument.Parse(file.ToJsonString());
        var core = text.RootElement.GetProperty("core");
        return new TargetModel(file, CompactModelReader.Read(
            core.ValueKind == JsonValueKind.String ? builtIn.RootElement : core, [.. text.RootElement.GetProperty("extensions").EnumerateArray()]));
    }

    private static string MajorMinor(string version) => string.Join('.', version.Split('.').Take(2));
}
