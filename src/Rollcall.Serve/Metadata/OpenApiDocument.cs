using System.Text.Json;
using Rollcall.Serve.Queries;
using Rollcall.Standard.Model;

namespace Rollcall.Serve.Metadata;

/// <summary>The OpenAPI 3 document of a set of resources, written from the model. It names what this build serves and nothing else.</summary>
internal static class OpenApiDocument
{
    private static readonly string[] PageParameterNames = ["offset", "limit", "MinChangeVersion", "MaxChangeVersion", "totalCount"];

    private static readonly (string Name, string Description)[] SharedResponses =
    [
        ("Created", "The item was created. Location says where it is."),
        ("Updated", "The item was updated. Location says where it is."),
        ("Deleted", "The item was deleted."),
        ("NotModified", "The item is the one that the client has already."),
        ("BadRequest", "The request or its data is not valid; the body says what is wrong with it."),
        ("Unauthorized", "The request has no valid token."),
        ("Forbidden", "The client may not do this."),
        ("NotFound", "There is no such item."),
        ("Conflict", "The data refers to items that do not exist, is referred to by others, or has another item's key."),
        ("PreconditionFailed", "The item is not in the state that If-Match or If-None-Match asks for."),
        ("UnsupportedMediaType", "The body is not JSON."),
        ("Error", "The server failed. Its log says why, under the correlation id of the body."),
    ];

    public static RootedDocument Write(DataStandard standard, IReadOnlyList<ResourceModel> resources, string title) => Discovery.Json(json =>
    {
        var schemas = new OpenApiSchemas(json, standard.DescriptorValueMaxLength);
        json.WriteStartObject();
        json.WriteString("openapi", "3.0.1");
        json.WriteStartObject("info");
        json.WriteString("title", title);
        json.WriteString("version", "3");
        json.WriteEndObject();
        json.WriteStartArray("servers");
        json.WriteStartObject();
        json.WriteString("url", RootedDocument.Root + "/data/v3");
        json.WriteEndObject();
        json.WriteEndArray();
        WriteSecurity(json);

        json.WriteStartObject("paths");
        foreach (var resource in resources)
        {
            new OpenApiPaths(json, schemas, resource).Write();
        }

        json.WriteEndObject();

        json.WriteStartObject("components");
        WriteParameters(json);
        WriteResponses(json);
        json.WriteStartObject("schemas");
        foreach (var resource in resources)
        {
            schemas.Write(resource);
        }

        json.WriteEndObject();
        WriteSecurityScheme(json);
        json.WriteEndObject();

        json.WriteStartArray("tags");
        foreach (var resource in resources)
        {
            json.WriteStartObject();
            json.WriteString("name", resource.Name.Endpoint);
            json.WriteString("description", $"{resource.TypeName}, told apart by {string.Join(", ", resource.Key.Select(k => k.Name))}.");
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    });

    /// <summary>The parameters that every list has, by reference.</summary>
    public static void WritePageParameters(Utf8JsonWriter json)
    {
        foreach (var name in PageParameterNames)
        {
            WriteRef(json, "#/components/parameters/" + name);
        }
    }

    public static void WriteRef(Utf8JsonWriter json, string target)
    {
        json.WriteStartObject();
        json.WriteString("$ref", target);
        json.WriteEndObject();
    }

    private static void WriteSecurity(Utf8JsonWriter json)
    {
        json.WriteStartArray("security");
        json.WriteStartObject();
        json.WriteStartArray("oauth2_client_credentials");
        json.WriteEndArray();
        json.WriteEndObject();
        json.WriteEndArray();
    }

    private static void WriteSecurityScheme(Utf8JsonWriter json)
    {
        json.WriteStartObject("securitySchemes");
        json.WriteStartObject("oauth2_client_credentials");
        json.WriteString("type", "oauth2");
        json.WriteString("description", "OAuth 2.0 client credentials");
        json.WriteStartObject("flows");
        json.WriteStartObject("clientCredentials");
        json.WriteString("tokenUrl", RootedDocument.Root + "/oauth/token");
        json.WriteStartObject("scopes");
        json.WriteEndObject();
        json.WriteEndObject();
        json.WriteEndObject();
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static void WriteParameters(Utf8JsonWriter json)
    {
        json.WriteStartObject("parameters");
        Parameter("offset", "offset", "query", "How many items to skip.", () => Integer("int32", 0, null, 0));
        Parameter("limit", "limit", "query", "How many items to return at most.", () => Integer("int32", 0, PageParameters.LimitMax, PageParameters.LimitMax));
        Parameter("MinChangeVersion", "minChangeVersion", "query", "Only items whose change version is this or newer.", () => Integer("int64", 0, null, null));
        Parameter("MaxChangeVersion", "maxChangeVersion", "query", "Only items whose change version is this or older.", () => Integer("int64", 0, null, null));
        Parameter("totalCount", "totalCount", "query", "Whether to count all items that match, in the header Total-Count.", () =>
        {
            json.WriteString("type", "boolean");
            json.WriteBoolean("default", false);
        });
        Parameter("If-Match", "If-Match", "header", "The ETag that the item must have.", () => json.WriteString("type", "string"));
        Parameter("If-None-Match", "If-None-Match", "header", "ETags of which the item must have none.", () => json.WriteString("type", "string"));
        json.WriteEndObject();

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

        void Integer(string format, int minimum, int? maximum, int? standard)
        {
            json.WriteString("type", "integer");
            json.WriteString("format", format);
            json.WriteNumber("minimum", minimum);
            if (maximum is { } most)
            {
                json.WriteNumber("maximum", most);
            }

            if (standard is { } value)
            {
                json.WriteNumber("default", value);
            }
        }
    }

    private static void WriteResponses(Utf8JsonWriter json)
    {
        json.WriteStartObject("responses");
        foreach (var (name, description) in SharedResponses)
        {
            json.WriteStartObject(name);
            json.WriteString("description", description);
            json.WriteEndObject();
        }

        json.WriteEndObject();
    }
}
