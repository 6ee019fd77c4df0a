using System.IO.Compression;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Rollcall.Standard.Loading.ApiSchema;
using Rollcall.Standard.Model;

namespace Rollcall.Standard.Loading;

/// <summary>Loads the built-in core together with extension files: ApiSchema files or compact ones, plain or gzipped.</summary>
public static class ModelFiles
{
    private static readonly JsonSerializerOptions s_indented = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The built-in core with these extensions; the built-in model itself when there are none.</summary>
    /// <exception cref="ModelFileException">A file cannot be read, is broken, or does not fit the core or the others.</exception>
    public static DataStandard Load(IReadOnlyList<string> extensions)
    {
        if (extensions.Count == 0)
        {
            return CompactModelReader.EdFi52;
        }

        var core = CompactModelReader.EdFi52;
        var compact = new List<JsonElement>();
        using var builtIn = JsonDocument.Parse(CompactModelReader.OpenCore());
        var standard = core;
        foreach (var path in extensions)
        {
            var file = Compact(path, core);
            Check(path, file, core, compact);
            compact.Add(file);
            try
            {
                // One at a time, so that a fault is told with the name of the file that brought it.
                standard = CompactModelReader.Read(builtIn.RootElement, compact);
            }
            catch (Exception fault) when (IsBrokenModel(fault))
            {
                throw new ModelFileException($"{path}: {fault.Message.TrimEnd('.')}. Generate the file again for {core.Projects[0].Name} {core.Projects[0].Version}, or leave the extension out.", fault);
            }
        }

        return standard;
    }

    /// <summary>The compact form of a file, as text that can be kept beside the original and loaded in its place.</summary>
    /// <exception cref="ModelFileException">The file cannot be read or is broken.</exception>
    public static JsonObject Import(string path, DataStandard core)
    {
        using var file = Parse(path);
        if (!ApiSchemaImport.IsApiSchema(file.RootElement))
        {
            throw new ModelFileException($"{path} is no ApiSchema file: it has neither projectSchema nor projectSchemas. Give the JSON file that the Ed-Fi modelling tool (MetaEd) writes.");
        }

        return Import(path, file.RootElement, core);
    }

    /// <summary>The built-in core's own file.</summary>
    public static Stream BuiltInCore() => CompactModelReader.OpenCore();

    public static string Write(JsonObject compact) => compact.ToJsonString(s_indented);

    /// <exception cref="ModelFileException">The file cannot be read, or is no JSON.</exception>
    public static JsonDocument Parse(string path)
    {
        try
        {
            using var file = File.OpenRead(path);
            using var content = path.EndsWith(".gz", StringComparison.OrdinalIgnoreCase) ? new GZipStream(file, CompressionMode.Decompress) : (Stream)file;
            return JsonDocument.Parse(content);
        }
        catch (Exception fault) when (fault is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new ModelFileException($"{path}: there is no such file.", fault);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new ModelFileException($"{path} cannot be read: {fault.Message}", fault);
        }
        catch (Exception fault) when (fault is JsonException or InvalidDataException)
        {
            throw new ModelFileException($"{path} is no JSON: {JsonPlace.Say(fault)} Check that it is the whole file.", fault);
        }
    }

    /// <summary>Whether an exception says that a model file is not what it should be: whatever reading JSON of an unexpected shape throws.</summary>
    internal static bool IsBrokenModel(Exception fault) =>
        fault is InvalidDataException or KeyNotFoundException or InvalidOperationException or FormatException or ArgumentException or NullReferenceException;

    private static JsonElement Compact(string path, DataStandard core)
    {
        using var file = Parse(path);
        var root = file.RootElement;
        if (!ApiSchemaImport.IsApiSchema(root))
        {
            return root.ValueKind == JsonValueKind.Object && root.TryGetProperty("format", out _)
                ? root.Clone()
                : throw new ModelFileException($"{path} is neither an ApiSchema file nor a compact model: it has none of projectSchema, projectSchemas and format. Give the JSON file that the Ed-Fi modelling tool (MetaEd) writes for the extension.");
        }

        using var compact = JsonDocument.Parse(Import(path, root, core).ToJsonString());
        return compact.RootElement.Clone();
    }

    private static JsonObject Import(string path, JsonElement root, DataStandard core)
    {
        try
        {
            return ApiSchemaImport.ToCompact(root, core);
        }
        catch (Exception fault) when (IsBrokenModel(fault))
        {
            throw new ModelFileException($"{path}: {fault.Message.TrimEnd('.')}. Generate the file again with the Ed-Fi modelling tool for {core.Projects[0].Name} {core.Projects[0].Version}.", fault);
        }
    }

    private static void Check(string path, JsonElement file, DataStandard core, List<JsonElement> others)
    {
        if (!file.TryGetProperty("extends", out var extends))
        {
            throw new ModelFileException($"{path} is a core model, not an extension. The core of this version is {core.Projects[0].Name} {core.Projects[0].Version}, built in; name extension files only.");
        }

        var project = file.GetProperty("project").GetString();
        var ns = file.GetProperty("namespace").GetString();
        var versions = extends.TryGetProperty("versions", out var range) ? range.GetString() ?? "" : "";
        if (!VersionRange.Contains(versions, core.Projects[0].Version))
        {
            throw new ModelFileException($"{path}: {project} is for {core.Projects[0].Name} {versions}, and this version serves {core.Projects[0].Version}. Generate the extension for {core.Projects[0].Version}.");
        }

        if (others.FirstOrDefault(o => o.GetProperty("namespace").GetString() == ns) is { ValueKind: JsonValueKind.Object } || ns == DataStandard.CoreNamespace)
        {
            throw new ModelFileException($"{path}: there is another project with the URL segment {ns}. Name each extension once.");
        }
    }
}
