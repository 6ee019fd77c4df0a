using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using Rollcall.Serve.Endpoints;
using Rollcall.Serve.Profiles;
using Rollcall.Standard.Documents;
using Rollcall.Standard.Model;

namespace Rollcall.Serve.Metadata;

/// <summary>The small documents from which clients find everything else: the root document and the lists of specifications.</summary>
internal static class Discovery
{
    /// <summary>The version of the ODS/API whose behaviour clients find here. They choose features by it: 7 and above asks for
    /// snapshots by header, 7.3 and above walks lists by cursor paging.</summary>
    public const string ApiVersion = "7.3";

    /// <summary>The root document. The DMS's has no more and no less than here; the default adds what clients of the ODS/API look for.</summary>
    public static RootedDocument RootDocument(DataStandard standard, Compatibility compatibility) => Json(json =>
    {
        var isDms = compatibility == Compatibility.Dms;
        json.WriteStartObject();
        json.WriteString("version", ApiVersion);
        json.WriteString("applicationName", "Ed-Fi API");
        json.WriteString("informationalVersion", ApiVersion);
        if (!isDms)
        {
            json.WriteString("suite", "3");
            json.WriteString("build", ApiVersion + ".0.0");
        }

        json.WriteStartArray("dataModels");
        foreach (var project in standard.Projects.OrderBy(p => p.Name, StringComparer.Ordinal))
        {
            json.WriteStartObject();
            json.WriteString("name", project.Name);
            json.WriteString("version", project.Version);
            json.WriteString("informationalVersion", project.Description);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteStartObject("urls");
        Url("dependencies", isDms ? "/metadata/dependencies" : "/metadata/data/v3/dependencies");
        Url("openApiMetadata", "/metadata/specifications");
        Url("oauth", "/oauth/token");
        Url("tokenInfo", "/oauth/token_info");
        Url("dataManagementApi", isDms ? "/data" : "/data/v3/");
        Url("changeQueries", "/changeQueries/v1/");
        Url("xsdMetadata", "/metadata/xsd");
        json.WriteEndObject();
        json.WriteEndObject();

        void Url(string name, string path) => json.WriteString(name, RootedDocument.DataRoot + path);
    });

    /// <summary><c>/metadata</c>, as the DMS answers it.</summary>
    public static RootedDocument MetadataRoot() => Json(json =>
    {
        json.WriteStartObject();
        json.WriteString("dependencies", RootedDocument.Root + "/metadata/dependencies");
        json.WriteString("specifications", RootedDocument.Root + "/metadata/specifications");
        json.WriteString("xsdMetadata", RootedDocument.Root + "/metadata/xsd");
        json.WriteEndObject();
    });

    /// <summary><c>/metadata/specifications</c>, with the DMS's addresses.</summary>
    public static RootedDocument Specifications(IReadOnlyList<CompiledProfile> profiles) => List(
        profiles,
        "/metadata/specifications/profiles/{0}/resources-spec.json",
        ("Resources", "/metadata/specifications/resources-spec.json", ""),
        ("Descriptors", "/metadata/specifications/descriptors-spec.json", ""),
        ("Discovery", "/metadata/specifications/discovery-spec.json", "Other"),
        ("Change-Queries", "/metadata/changequeries/v1/swagger.json", "Other"));

    /// <summary><c>/metadata/</c>, with the ODS/API's addresses.</summary>
    public static RootedDocument OdsSpecifications(IReadOnlyList<CompiledProfile> profiles) => List(
        profiles,
        "/metadata/data/v3/profiles/{0}/swagger.json",
        ("Resources", "/metadata/data/v3/resources/swagger.json", ""),
        ("Descriptors", "/metadata/data/v3/descriptors/swagger.json", ""),
        ("Change-Queries", "/metadata/changequeries/v1/swagger.json", "Other"),
        ("Identity", "/metadata/identity/v2/swagger.json", "Other"));

    /// <summary><c>/metadata/xsd</c>: an entry for each project, whose files are listed below it.</summary>
    public static RootedDocument XsdSections(DataStandard standard) => Json(json =>
    {
        json.WriteStartArray();
        foreach (var project in standard.Projects.OrderBy(p => p.Name, StringComparer.Ordinal))
        {
            var isCore = project.Name.Equals("Ed-Fi", StringComparison.OrdinalIgnoreCase);
            var name = project.Name.ToLowerInvariant();
            json.WriteStartObject();
            json.WriteString(
                "description",
                isCore ? "Core schema (Ed-Fi) files for the data model" : $"Extension ({project.Name}) blended with Core schema files for the data model");
            json.WriteString("name", name);
            json.WriteString("version", project.Version);
            json.WriteString("files", $"{RootedDocument.Root}/metadata/xsd/{name}/files");
            json.WriteEndObject();
        }

        json.WriteEndArray();
    });

    public static RootedDocument Json(Action<Utf8JsonWriter> write)
    {
        var buffer = new ArrayBufferWriter<byte>(4096);
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            write(json);
        }

        return new RootedDocument(buffer.WrittenMemory, ContentTypes.Json);
    }

    /// <param name="profilePath">The address of a profile's document, <c>{0}</c> for its name.</param>
    private static RootedDocument List(
        IReadOnlyList<CompiledProfile> profiles, string profilePath, params (string Name, string Path, string Prefix)[] items) => Json(json =>
    {
        json.WriteStartArray();
        foreach (var (name, path, prefix) in items.Concat(
            profiles.Select(p => (p.Name, profilePath.Replace("{0}", Uri.EscapeDataString(p.Name), StringComparison.Ordinal), "Profiles"))))
        {
            json.WriteStartObject();
            json.WriteString("name", name);
            json.WriteString("endpointUri", RootedDocument.Root + path);
            json.WriteString("prefix", prefix);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    });
}
