using System.Text.Json;
using Rollcall.Standard.Model;

namespace Rollcall.Serve.Metadata;

/// <summary>Writes the addresses of one resource and what can be done at each, in the names that SDK generators rely on.</summary>
internal sealed class OpenApiPaths(Utf8JsonWriter json, OpenApiSchemas schemas, ResourceModel resource)
{
    private static readonly (int Status, string Name)[] ReadFailures =
        [(400, "BadRequest"), (401, "Unauthorized"), (403, "Forbidden"), (404, "NotFound"), (500, "Error")];

    private static readonly (int Status, string Name)[] WriteFailures =
    [
        (400, "BadRequest"), (401, "Unauthorized"), (403, "Forbidden"), (409, "Conflict"), (412, "PreconditionFailed"),
        (415, "UnsupportedMediaType"), (500, "Error"),
    ];

    private readonly string _plural = char.ToUpperInvariant(resource.Name.Endpoint[0]) + resource.Name.Endpoint[1..];
    private readonly string _schema = OpenApiSchemas.RefTo(OpenApiSchemas.NameOf(resource));

    public void Write()
    {
        json.WriteStartObject(resource.Name.Path);
        Operation("get", "get" + _plural, "Items that match all given fields.", WriteListParameters, () => ArrayResponse(_schema));
        Operation("post", "post" + resource.TypeName, "Creates the item, or replaces the one with the same natural key.", null, () =>
        {
            json.WriteStartObject("responses");
            Shared((200, "Updated"), (201, "Created"));
            Shared(WriteFailures);
            json.WriteEndObject();
        }, hasBody: true);
        json.WriteEndObject();

        json.WriteStartObject(resource.Name.Path + "/{id}");
        Operation("get", $"get{_plural}ById", "The item with this id.", () => WriteItemParameters("If-None-Match"), () =>
        {
            json.WriteStartObject("responses");
            Content(200, "The item.", () => json.WriteString("$ref", _schema));
            Shared((304, "NotModified"));
            Shared(ReadFailures);
            json.WriteEndObject();
        });
        Operation("put", "put" + resource.TypeName, "Replaces the item with this id.", () => WriteItemParameters("If-Match"), () =>
        {
            json.WriteStartObject("responses");
            Shared((204, "Updated"), (404, "NotFound"));
            Shared(WriteFailures);
            json.WriteEndObject();
        }, hasBody: true);
        Operation("delete", $"delete{_plural}ById", "Deletes the item with this id.", () => WriteItemParameters("If-Match"), () =>
        {
            json.WriteStartObject("responses");
            Shared((204, "Deleted"), (404, "NotFound"));
            Shared(WriteFailures);
            json.WriteEndObject();
        });
        json.WriteEndObject();

        Changes("deletes", "Items that were deleted.", OpenApiSchemas.DeleteNameOf(resource));
        Changes("keyChanges", "Items whose natural key changed.", OpenApiSchemas.KeyChangeNameOf(resource));
    }

    private void Changes(string name, string summary, string schema)
    {
        json.WriteStartObject($"{resource.Name.Path}/{name}");
        Operation("get", name + _plural, summary, () => OpenApiDocument.WritePageParameters(json), () => ArrayResponse(OpenApiSchemas.RefTo(schema)));
        json.WriteEndObject();
    }

    private void Operation(string method, string id, string summary, Action? parameters, Action responses, bool hasBody = false)
    {
        json.WriteStartObject(method);
        json.WriteStartArray("tags");
        json.WriteStringValue(resource.Name.Endpoint);
        json.WriteEndArray();
        json.WriteString("summary", summary);
        json.WriteString("operationId", id);
        if (parameters is not null)
        {
            json.WriteStartArray("parameters");
            parameters();
            json.WriteEndArray();
        }

        if (hasBody)
        {
            json.WriteStartObject("requestBody");
            json.WriteBoolean("required", true);
            json.WriteString("x-bodyName", resource.TypeName);
            JsonContent(() => json.WriteString("$ref", _schema));
            json.WriteEndObject();
        }

        responses();
        json.WriteEndObject();
    }

    private void WriteListParameters()
    {
        OpenApiDocument.WritePageParameters(json);
        json.WriteStartObject();
        json.WriteString("name", "id");
        json.WriteString("in", "query");
        json.WriteString("description", "The id that the API assigned.");
        json.WriteStartObject("schema");
        json.WriteString("type", "string");
        json.WriteEndObject();
        json.WriteEndObject();
        foreach (var field in resource.QueryFields)
        {
            json.WriteStartObject();
            json.WriteString("name", field.Name);
            json.WriteString("in", "query");
            json.WriteStartObject("schema");
            schemas.WriteScalar(field.Paths[0].Leaf);
            json.WriteEndObject();
            if (resource.Key.Any(k => k.Name.Equals(field.Name, StringComparison.OrdinalIgnoreCase)))
            {
                json.WriteBoolean("x-Ed-Fi-isIdentity", true);
            }

            json.WriteEndObject();
        }
    }

    private void WriteItemParameters(string condition)
    {
        json.WriteStartObject();
        json.WriteString("name", "id");
        json.WriteString("in", "path");
        json.WriteString("description", "The id that the API assigned.");
        json.WriteBoolean("required", true);
        json.WriteStartObject("schema");
        json.WriteString("type", "string");
        json.WriteEndObject();
        json.WriteEndObject();
        OpenApiDocument.WriteRef(json, "#/components/parameters/" + condition);
    }

    private void ArrayResponse(string itemSchema)
    {
        json.WriteStartObject("responses");
        Content(200, "The items.", () =>
        {
            json.WriteString("type", "array");
            json.WriteStartObject("items");
            json.WriteString("$ref", itemSchema);
            json.WriteEndObject();
        });
        Shared(ReadFailures);
        json.WriteEndObject();
    }

    private void Content(int status, string description, Action schema)
    {
        json.WriteStartObject(status.ToString(System.Globalization.CultureInfo.InvariantCulture));
        json.WriteString("description", description);
        JsonContent(schema);
        json.WriteEndObject();
    }

    private void JsonContent(Action schema)
    {
        json.WriteStartObject("content");
        json.WriteStartObject("application/json");
        json.WriteStartObject("schema");
        schema();
        json.WriteEndObject();
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private void Shared(params ReadOnlySpan<(int Status, string Name)> responses)
    {
        foreach (var (status, name) in responses)
        {
            json.WriteStartObject(status.ToString(System.Globalization.CultureInfo.InvariantCulture));
            json.WriteString("$ref", "#/components/responses/" + name);
            json.WriteEndObject();
        }
    }
}
