using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using Rollcall.Serve.Profiles;
using Rollcall.Standard.Model;

namespace Rollcall.Serve.Metadata;

/// <summary>Writes the OpenAPI 3 documents that clients generate code from and learn keys from (reference section 1.2), straight
/// from the model: paths and operations here, schemas in <see cref="OpenApiSchemas"/>.</summary>
public static class OpenApiDocument
{
    private const string PlainJson = "application/json";
    private const string UseSnapshot = "Use-Snapshot";

    private static readonly JsonWriterOptions Compact = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The document of all resources, without descriptors.</summary>
    /// <param name="dataUrl">Public address of the data family without a trailing slash, <c>https://host/data/v3</c>.</param>
    /// <param name="tokenUrl">Public address of the token endpoint.</param>
    /// <param name="pageMax">Largest page, which is also the default.</param>
    public static byte[] Resources(DataStandard standard, string dataUrl, string tokenUrl, int pageMax) =>
        Write(standard, [.. standard.Resources.Where(r => !r.IsDescriptor)], dataUrl, tokenUrl, pageMax, "Ed-Fi API: resources");

    /// <summary>The document of all descriptors.</summary>
    /// <inheritdoc cref="Resources"/>
    public static byte[] Descriptors(DataStandard standard, string dataUrl, string tokenUrl, int pageMax) =>
        Write(standard, [.. standard.Resources.Where(r => r.IsDescriptor)], dataUrl, tokenUrl, pageMax, "Ed-Fi API: descriptors");

    /// <summary>The document of what a profile covers (reference section 7.5).</summary>
    /// <inheritdoc cref="Resources"/>
    internal static byte[] OfProfile(CompiledProfile profile, DataStandard standard, string dataUrl, string tokenUrl, int pageMax) => Write(
        standard,
        [.. standard.Resources.Where(r => profile.Covers(r, isRead: true) || profile.Covers(r, isRead: false))],
        dataUrl, tokenUrl, pageMax, $"{profile.Name} Resources", profile);

    private static byte[] Write(
        DataStandard standard, IReadOnlyList<ResourceModel> resources, string dataUrl, string tokenUrl, int pageMax, string title, CompiledProfile? profile = null)
    {
        var buffer = new ArrayBufferWriter<byte>(1 << 20);
        using (var json = new Utf8JsonWriter(buffer, Compact))
        {
            json.WriteStartObject();
            json.WriteString("openapi", "3.0.1");
            json.WriteStartObject("info");
            json.WriteString("title", title);
            json.WriteString("version", "1");
            json.WriteEndObject();
            json.WriteStartArray("servers");
            json.WriteStartObject();
            json.WriteString("url", dataUrl);
            if (dataUrl.StartsWith(RootedDocument.DataRoot, StringComparison.Ordinal))
            {
                json.WriteString("variables", RootedDocument.Variables);
            }

            json.WriteEndObject();
            json.WriteEndArray();
            json.WriteStartArray("security");
            json.WriteStartObject();
            json.WriteStartArray("oauth2_client_credentials");
            json.WriteEndArray();
            json.WriteEndObject();
            json.WriteEndArray();

            json.WriteStartObject("paths");
            foreach (var resource in resources)
            {
                Paths(json, resource, standard.DescriptorValueMaxLength, profile);
            }

            json.WriteEndObject();

            json.WriteStartObject("components");
            json.WriteStartObject("schemas");
            if (profile is null)
            {
                OpenApiSchemas.Write(json, standard, resources);
            }
            else
            {
                OpenApiSchemas.WriteProfiled(json, standard, [.. resources.Select(r => profile.Resources[r.Index])]);
            }

            json.WriteEndObject();
            Parameters(
                json,
                pageMax,
                isRead: profile is null || resources.Any(r => profile.Covers(r, isRead: true)),
                isWritten: profile is null || resources.Any(r => profile.Covers(r, isRead: false)));
            Responses(json);
            json.WriteStartObject("securitySchemes");
            json.WriteStartObject("oauth2_client_credentials");
            json.WriteString("type", "oauth2");
            json.WriteStartObject("flows");
            json.WriteStartObject("clientCredentials");
            json.WriteString("tokenUrl", tokenUrl);
            json.WriteStartObject("scopes");
            json.WriteEndObject();
            json.WriteEndObject();
            json.WriteEndObject();
            json.WriteEndObject();
            json.WriteEndObject();
            json.WriteEndObject();

            json.WriteStartArray("tags");
            foreach (var resource in resources.DistinctBy(r => r.Name.Endpoint))
            {
                json.WriteStartObject();
                json.WriteString("name", resource.Name.Endpoint);
                json.WriteString("description", $"{resource.TypeName} ({resource.Kind switch
                {
                    ResourceKind.Descriptor => "descriptor",
                    ResourceKind.Association => "association",
                    ResourceKind.Enumeration => "enumeration",
                    ResourceKind.Entity => "entity",
                    _ => throw new InvalidOperationException($"{resource} has an unknown kind."),
                }} of the {resource.Project} model)");
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }

    /// <param name="profile">Decides which operations there are, and on which schemas; null for all, on the whole resource.</param>
    private static void Paths(Utf8JsonWriter json, ResourceModel resource, int descriptorMax, CompiledProfile? profile)
    {
        // Two projects may use one name, and the id of an operation is unique.
        var project = resource.Name.Namespace == DataStandard.CoreNamespace ? "" : resource.Project;
        var plural = project + char.ToUpperInvariant(resource.Name.Endpoint[0]) + resource.Name.Endpoint[1..];
        var name = project + resource.TypeName;
        var schema = OpenApiSchemas.NameOf(resource);
        var read = new Form(profile is null ? schema : schema + OpenApiSchemas.Readable, profile?.MediaType(resource, isRead: true) ?? PlainJson);
        var written = new Form(profile is null ? schema : schema + OpenApiSchemas.Writable, profile?.MediaType(resource, isRead: false) ?? PlainJson);
        var isRead = profile?.Covers(resource, isRead: true) != false;
        var isWritten = profile?.Covers(resource, isRead: false) != false;
        QueryField[] fields = [.. resource.QueryFields.Where(f => !isRead || profile?.Resources[resource.Index].HidesOnRead(f) != true)];

        json.WriteStartObject(resource.Name.Path);
        if (isRead)
        {
            GetMany(json, resource, plural, read, fields, descriptorMax);
        }

        if (isWritten)
        {
            Operation(json, "post", $"post{name}", "Creates the document, or replaces the one with the same natural key.", resource, null);
            Body(json, written, name);
            Answers(json, ["200", "201", "400", "401", "403", "405", "409", "412", "500"]);
            json.WriteEndObject();
        }

        json.WriteEndObject();

        json.WriteStartObject($"{resource.Name.Path}/{{id}}");
        if (isRead)
        {
            Operation(json, "get", $"get{plural}ById", "Reads one by its id.", resource, () =>
            {
                IdParameter(json);
                Reference(json, "#/components/parameters/If-None-Match");
                Reference(json, $"#/components/parameters/{UseSnapshot}");
            });
            Answers(
                json, ["304", "400", "401", "403", "404", "500"], "200", () => Reference(json, $"#/components/schemas/{read.Schema}", "schema"), read.MediaType);
            json.WriteEndObject();
        }

        if (isWritten)
        {
            PutAndDelete(json, resource, plural, name, written);
        }

        json.WriteEndObject();

        if (isRead)
        {
            Partitions(json, resource, plural, fields, descriptorMax);
            Changes(json, resource, plural, "deletes", OpenApiSchemas.DeleteOf(resource));
            Changes(json, resource, plural, "keyChanges", OpenApiSchemas.KeyChangeOf(resource));
        }
    }

    private static void GetMany(Utf8JsonWriter json, ResourceModel resource, string plural, Form form, QueryField[] fields, int descriptorMax)
    {
        Operation(json, "get", $"get{plural}", "Reads many: by page, by example, by change version.", resource, () =>
        {
            foreach (var shared in (ReadOnlySpan<string>)["offset", "limit", "pageToken", "pageSize", "MinChangeVersion", "MaxChangeVersion", "totalCount", UseSnapshot])
            {
                Reference(json, $"#/components/parameters/{shared}");
            }

            Fields(json, resource, fields, descriptorMax);
        });
        Answers(json, ["400", "401", "403", "404", "500"], "200", () => ArrayOf(json, form.Schema), form.MediaType);
        json.WriteEndObject();
    }

    private static void PutAndDelete(Utf8JsonWriter json, ResourceModel resource, string plural, string name, Form form)
    {
        Operation(json, "put", $"put{name}", "Replaces one by its id.", resource, () =>
        {
            IdParameter(json);
            Reference(json, "#/components/parameters/If-Match");
        });
        Body(json, form, name);
        Answers(json, ["204", "400", "401", "403", "404", "405", "409", "412", "500"]);
        if (resource.AllowsKeyChange)
        {
            json.WriteBoolean("x-Ed-Fi-isUpdatable", true);
        }

        json.WriteEndObject();

        Operation(json, "delete", $"delete{plural}ById", "Deletes one by its id, unless another document refers to it.", resource, () =>
        {
            IdParameter(json);
            Reference(json, "#/components/parameters/If-Match");
        });
        Answers(json, ["204", "400", "401", "403", "404", "405", "409", "412", "500"]);
        json.WriteEndObject();
    }

    private static void Fields(Utf8JsonWriter json, ResourceModel resource, QueryField[] fields, int descriptorMax)
    {
        QueryParameter(json, "id", () => json.WriteString("type", "string"), isIdentity: false);
        foreach (var field in fields)
        {
            QueryParameter(json, field.Name, () => OpenApiSchemas.Scalar(json, field.Paths[0].Leaf, descriptorMax), IsIdentity(resource, field));
        }
    }

    private static void Partitions(Utf8JsonWriter json, ResourceModel resource, string plural, QueryField[] fields, int descriptorMax)
    {
        json.WriteStartObject($"{resource.Name.Path}/partitions");
        Operation(json, "get", $"get{plural}Partitions", "Divides what matches into ranges that can be read side by side.", resource, () =>
        {
            foreach (var shared in (ReadOnlySpan<string>)["numberOfPartitions", "MinChangeVersion", "MaxChangeVersion", UseSnapshot])
            {
                Reference(json, $"#/components/parameters/{shared}");
            }

            Fields(json, resource, fields, descriptorMax);
        });
        Answers(json, ["400", "401", "403", "404", "500"], "200", () =>
        {
            json.WriteStartObject("schema");
            json.WriteString("type", "object");
            json.WriteStartObject("properties");
            json.WriteStartObject("pageTokens");
            json.WriteString("type", "array");
            json.WriteStartObject("items");
            json.WriteString("type", "string");
            json.WriteEndObject();
            json.WriteEndObject();
            json.WriteEndObject();
            json.WriteEndObject();
        });
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static void Changes(Utf8JsonWriter json, ResourceModel resource, string plural, string what, string schema)
    {
        json.WriteStartObject($"{resource.Name.Path}/{what}");
        Operation(json, "get", $"{what}{plural}", $"Lists tracked {(what == "deletes" ? "deletions" : "key changes")} by change version.", resource, () =>
        {
            foreach (var shared in (ReadOnlySpan<string>)["offset", "limit", "MinChangeVersion", "MaxChangeVersion", "totalCount", UseSnapshot])
            {
                Reference(json, $"#/components/parameters/{shared}");
            }
        });
        Answers(json, ["400", "401", "403", "404", "500"], "200", () => ArrayOf(json, schema));
        json.WriteEndObject();
        json.WriteEndObject();
    }

    /// <summary>Opens an operation; the caller adds body and answers and closes it.</summary>
    private static void Operation(
        Utf8JsonWriter json, string method, string operationId, string summary, ResourceModel resource, Action? parameters)
    {
        json.WriteStartObject(method);
        json.WriteStartArray("tags");
        json.WriteStringValue(resource.Name.Endpoint);
        json.WriteEndArray();
        json.WriteString("operationId", operationId);
        json.WriteString("summary", summary);
        if (parameters is not null)
        {
            json.WriteStartArray("parameters");
            parameters();
            json.WriteEndArray();
        }
    }

    private static void Body(Utf8JsonWriter json, Form form, string name)
    {
        json.WriteStartObject("requestBody");
        json.WriteBoolean("required", true);
        json.WriteString("x-bodyName", name);
        JsonContent(json, () => Reference(json, $"#/components/schemas/{form.Schema}", "schema"), form.MediaType);
        json.WriteEndObject();
    }

    private static void Answers(Utf8JsonWriter json, ReadOnlySpan<string> shared, string? inline = null, Action? content = null, string mediaType = PlainJson)
    {
        json.WriteStartObject("responses");
        if (inline is not null)
        {
            json.WriteStartObject(inline);
            json.WriteString("description", "What was asked for.");
            JsonContent(json, content!, mediaType);
            json.WriteEndObject();
        }

        foreach (var status in shared)
        {
            Reference(json, $"#/components/responses/{StatusNames[status]}", status);
        }

        json.WriteEndObject();
    }

    private static readonly Dictionary<string, string> StatusNames = new()
    {
        ["200"] = "Updated",
        ["201"] = "Created",
        ["204"] = "NoContent",
        ["304"] = "NotModified",
        ["400"] = "BadRequest",
        ["401"] = "Unauthorized",
        ["403"] = "Forbidden",
        ["404"] = "NotFound",
        ["405"] = "MethodNotAllowed",
        ["409"] = "Conflict",
        ["412"] = "PreconditionFailed",
        ["500"] = "Error",
    };

    private static void Responses(Utf8JsonWriter json)
    {
        json.WriteStartObject("responses");
        Response("Created", "Created; the Location header names the new document.");
        Response("Updated", "A document with this natural key existed and is now as sent; the Location header names it.");
        Response("NoContent", "Done.");
        Response("NotModified", "The document still has the entity tag of If-None-Match.");
        Response("BadRequest", "The request is wrong; the body lists every fault.");
        Response("Unauthorized", "The bearer token is missing, malformed or no longer valid.");
        Response("Forbidden", "The client may not do this.");
        Response("NotFound", "There is no such document.");
        Response("MethodNotAllowed", "The method does not apply here.");
        Response("Conflict", "A reference names nothing, another document has the key, or others refer to this one.");
        Response("PreconditionFailed", "If-Match or If-None-Match does not hold.");
        Response("Error", "A fault of the server.");
        json.WriteEndObject();

        void Response(string name, string description)
        {
            json.WriteStartObject(name);
            json.WriteString("description", description);
            json.WriteEndObject();
        }
    }

    private static void Parameters(Utf8JsonWriter json, int pageMax, bool isRead, bool isWritten)
    {
        json.WriteStartObject("parameters");
        if (isRead)
        {
            ParametersOfReading();
        }

        if (isWritten)
        {
            Parameter("If-Match", "If-Match", "header", "An entity tag: do it only when the document still has it.", () => json.WriteString("type", "string"));
        }

        json.WriteEndObject();

        void ParametersOfReading()
        {
            Parameter("offset", "offset", "query", "Documents to leave out before the page.", () => Int(json, "int32", 0, null, 0));
            Parameter("limit", "limit", "query", "Documents on the page at most.", () => Int(json, "int32", 0, pageMax, pageMax));
            Parameter("pageToken", "pageToken", "query", "Where the page begins: a token of Next-Page-Token or of partitions.", () => json.WriteString("type", "string"));
            Parameter("pageSize", "pageSize", "query", "Documents on the page at most, with a page token.", () => Int(json, "int32", 0, pageMax, pageMax));
            Parameter("numberOfPartitions", "number", "query", "Ranges wanted; fewer may be given.", () => Int(json, "int32", 1, 200, 10));
            Parameter("MinChangeVersion", "minChangeVersion", "query", "Only what has this change version or a later one.", () => Int(json, "int64", 0, null, null));
            Parameter("MaxChangeVersion", "maxChangeVersion", "query", "Only what has this change version or an earlier one.", () => Int(json, "int64", 0, null, null));
            Parameter("totalCount", "totalCount", "query", "Whether to count all matches in the Total-Count header.", () =>
            {
                json.WriteString("type", "boolean");
                json.WriteBoolean("default", false);
            });
            Parameter("If-None-Match", "If-None-Match", "header", "An entity tag: answer 304 when the document still has it.", () => json.WriteString("type", "string"));
            Parameter(UseSnapshot, UseSnapshot, "header", "Whether to read one moment: the database as it was when this client first asked for it.", () =>
            {
                json.WriteString("type", "boolean");
                json.WriteBoolean("default", false);
            });
        }

        void Parameter(string key, string name, string place, string description, Action schema)
        {
            json.WriteStartObject(key);
            json.WriteString("name", name);
            json.WriteString("in", place);
            json.WriteString("description", description);
            json.WriteStartObject("schema");
            schema();
            json.WriteEndObject();
            json.WriteEndObject();
        }
    }

    private static void Int(Utf8JsonWriter json, string format, int? minimum, int? maximum, int? initial)
    {
        json.WriteString("type", "integer");
        json.WriteString("format", format);
        WriteIf("minimum", minimum);
        WriteIf("maximum", maximum);
        WriteIf("default", initial);

        void WriteIf(string name, int? value)
        {
            if (value is { } number)
            {
                json.WriteNumber(name, number);
            }
        }
    }

    private static void IdParameter(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("name", "id");
        json.WriteString("in", "path");
        json.WriteBoolean("required", true);
        json.WriteString("description", "The id that the API assigned.");
        json.WriteStartObject("schema");
        json.WriteString("type", "string");
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static void QueryParameter(Utf8JsonWriter json, string name, Action schema, bool isIdentity)
    {
        json.WriteStartObject();
        json.WriteString("name", name);
        json.WriteString("in", "query");
        json.WriteStartObject("schema");
        schema();
        json.WriteEndObject();
        if (isIdentity)
        {
            json.WriteBoolean("x-Ed-Fi-isIdentity", true);
        }

        json.WriteEndObject();
    }

    private static bool IsIdentity(ResourceModel resource, QueryField field) =>
        resource.Key.Any(k => k.Paths.Any(p => field.Paths.Any(f => f.Text == p.Text)));

    private static void ArrayOf(Utf8JsonWriter json, string schema)
    {
        json.WriteStartObject("schema");
        json.WriteString("type", "array");
        Reference(json, $"#/components/schemas/{schema}", "items");
        json.WriteEndObject();
    }

    private static void JsonContent(Utf8JsonWriter json, Action schema, string mediaType)
    {
        json.WriteStartObject("content");
        json.WriteStartObject(mediaType);
        schema();
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static void Reference(Utf8JsonWriter json, string target, string? member = null)
    {
        if (member is null)
        {
            json.WriteStartObject();
        }
        else
        {
            json.WriteStartObject(member);
        }

        json.WriteString("$ref", target);
        json.WriteEndObject();
    }

    /// <summary>How a document of a resource looks in one direction.</summary>
    private readonly record struct Form(string Schema, string MediaType);
}
