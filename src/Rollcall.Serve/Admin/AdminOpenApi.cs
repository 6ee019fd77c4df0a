using System.Text;
using System.Text.Json.Nodes;
using Rollcall.Serve.Endpoints;
using Rollcall.Serve.Metadata;

namespace Rollcall.Serve.Admin;

/// <summary>The OpenAPI document of the Admin API. Made of one table of its addresses, which a test holds against the server.</summary>
internal static class AdminOpenApi
{
    /// <summary>Every address: method, path, what it does, the schema of its body and that of its answer (<c>*</c> in front: an array of it).</summary>
    public static readonly (string Method, string Path, string Summary, string? Body, string? Answer)[] Operations =
    [
        ("get", "/v2/vendors", "Lists the vendors.", null, "*vendor"),
        ("post", "/v2/vendors", "Adds a vendor; a company that exists is replaced.", "newVendor", null),
        ("get", "/v2/vendors/{id}", "A vendor.", null, "vendor"),
        ("put", "/v2/vendors/{id}", "Replaces a vendor; its applications' clients get its namespace prefixes.", "newVendor", null),
        ("delete", "/v2/vendors/{id}", "Removes a vendor with its applications and their credentials.", null, null),
        ("get", "/v2/vendors/{id}/applications", "A vendor's applications.", null, "*application"),
        ("get", "/v2/applications", "Lists the applications.", null, "*application"),
        ("post", "/v2/applications", "Adds an application; the answer has its key and secret, which is shown only there.", "newApplication", "credentials"),
        ("get", "/v2/applications/{id}", "An application.", null, "application"),
        ("put", "/v2/applications/{id}", "Replaces an application; tokens that are alive have its new rights.", "newApplication", null),
        ("delete", "/v2/applications/{id}", "Removes an application and its credentials.", null, null),
        ("put", "/v2/applications/{id}/reset-credential", "A new secret; tokens of the old one end.", null, "credentials"),
        ("get", "/v2/profiles", "Lists the profiles.", null, "*profileName"),
        ("post", "/v2/profiles", "Adds a profile.", "newProfile", null),
        ("get", "/v2/profiles/{id}", "A profile with its definition.", null, "profile"),
        ("put", "/v2/profiles/{id}", "Replaces a profile.", "newProfile", null),
        ("delete", "/v2/profiles/{id}", "Removes a profile that no application has.", null, null),
        ("get", "/v2/claimSets", "Lists the claim sets.", null, "*claimSet"),
        ("post", "/v2/claimSets", "Adds an empty claim set.", "name", null),
        ("post", "/v2/claimSets/import", "Adds a claim set with its resource claims.", "import", null),
        ("post", "/v2/claimSets/copy", "Adds a copy of a claim set.", "copy", null),
        ("get", "/v2/claimSets/{id}", "A claim set with its resource claims.", null, "claimSet"),
        ("get", "/v2/claimSets/{id}/export", "A claim set in the form that import takes.", null, "claimSet"),
        ("put", "/v2/claimSets/{id}", "Renames a claim set; applications and clients follow.", "name", null),
        ("delete", "/v2/claimSets/{id}", "Removes a claim set that nobody has.", null, null),
        ("post", "/v2/claimSets/{id}/resourceClaimActions", "Grants actions on a resource claim.", "grant", null),
        ("put", "/v2/claimSets/{id}/resourceClaimActions/{resourceClaimId}", "Replaces the actions granted on a resource claim.", "grant", null),
        ("delete", "/v2/claimSets/{id}/resourceClaimActions/{resourceClaimId}", "Revokes all actions on a resource claim.", null, null),
        ("post", "/v2/claimSets/{id}/resourceClaimActions/{resourceClaimId}/overrideAuthorizationStrategy", "Replaces the default strategies of an action.", "override", null),
        ("post", "/v2/claimSets/{id}/resourceClaimActions/{resourceClaimId}/resetAuthorizationStrategies", "Goes back to the default strategies.", null, null),
        ("get", "/v2/resourceClaims", "The hierarchy of resource claims.", null, "*resourceClaim"),
        ("get", "/v2/resourceClaims/{id}", "A resource claim with what is below it.", null, "resourceClaim"),
        ("get", "/v2/resourceClaimActions", "The actions that resource claims have default strategies for.", null, "*resourceClaimActions"),
        ("get", "/v2/resourceClaimActionAuthStrategies", "The same with the strategies.", null, "*resourceClaimStrategies"),
        ("get", "/v2/actions", "The actions.", null, "*action"),
        ("get", "/v2/authorizationStrategies", "The authorization strategies.", null, "*strategy"),
        ("get", "/v2/odsInstances", "The instances that this server serves.", null, "*odsInstance"),
        ("get", "/v2/odsInstances/{id}", "An instance.", null, "odsInstance"),
        ("get", "/v2/odsInstances/{id}/applications", "The applications that may use an instance.", null, "*application"),
    ];

    /// <summary>Members of each schema; <c>#</c> behind a name: integer, <c>?</c>: boolean, <c>[#]</c> and <c>[]</c>: arrays, none: text.</summary>
    private static readonly Dictionary<string, string> Schemas = new(StringComparer.Ordinal)
    {
        ["newVendor"] = "company namespacePrefixes contactName contactEmailAddress",
        ["vendor"] = "id# company namespacePrefixes contactName contactEmailAddress",
        ["newApplication"] = "applicationName vendorId# claimSetName educationOrganizationIds[#] profileIds[#] odsInstanceIds[#] enabled?",
        ["application"] = "id# applicationName vendorId# claimSetName educationOrganizationIds[#] profileIds[#] odsInstanceIds[#] enabled?",
        ["credentials"] = "id# key secret",
        ["newProfile"] = "name definition",
        ["profile"] = "id# name definition",
        ["profileName"] = "id# name",
        ["name"] = "name",
        ["copy"] = "originalId# name",
        ["import"] = "name resourceClaims[]",
        ["grant"] = "resourceClaimId# resourceClaimActions[]",
        ["override"] = "actionName authorizationStrategies[]",
        ["claimSet"] = "id# name _isSystemReserved? _applications[] resourceClaims[]",
        ["resourceClaim"] = "id# name parentId# parentName children[]",
        ["resourceClaimActions"] = "resourceClaimId# resourceName claimName actions[]",
        ["resourceClaimStrategies"] = "resourceClaimId# resourceName claimName authorizationStrategiesForActions[]",
        ["action"] = "id# name uri",
        ["strategy"] = "id# name displayName",
        ["odsInstance"] = "id# name instanceType",
    };

    public static RootedDocument Document()
    {
        var paths = new JsonObject();
        foreach (var byPath in Operations.GroupBy(o => o.Path))
        {
            var path = new JsonObject();
            foreach (var operation in byPath)
            {
                path[operation.Method] = Operation(operation.Method, operation.Path, operation.Summary, operation.Body, operation.Answer);
            }

            paths[byPath.Key] = path;
        }

        var document = new JsonObject
        {
            ["openapi"] = "3.0.1",
            ["info"] = new JsonObject { ["title"] = "Ed-Fi Admin API", ["version"] = "v2" },
            ["servers"] = new JsonArray(new JsonObject { ["url"] = RootedDocument.Root + "/adminapi" }),
            ["security"] = new JsonArray(new JsonObject { ["oauth"] = new JsonArray(AdminTokens.Scope) }),
            ["paths"] = paths,
            ["components"] = new JsonObject
            {
                ["schemas"] = new JsonObject(Schemas.Select(s => KeyValuePair.Create(s.Key, (JsonNode?)Schema(s.Value)))),
                ["securitySchemes"] = new JsonObject
                {
                    ["oauth"] = new JsonObject
                    {
                        ["type"] = "oauth2",
                        ["flows"] = new JsonObject
                        {
                            ["clientCredentials"] = new JsonObject
                            {
                                ["tokenUrl"] = RootedDocument.Root + "/adminapi/connect/token",
                                ["scopes"] = new JsonObject { [AdminTokens.Scope] = "Everything of this API." },
                            },
                        },
                    },
                },
            },
        };
        return new RootedDocument(Encoding.UTF8.GetBytes(document.ToJsonString()), ContentTypes.Json);
    }

    private static JsonObject Operation(string method, string path, string summary, string? body, string? answer)
    {
        var isList = answer?.StartsWith('*') == true;
        var parameters = new JsonArray();
        foreach (var name in (string[])["id", "resourceClaimId"])
        {
            if (path.Contains($"{{{name}}}", StringComparison.Ordinal))
            {
                parameters.Add(Parameter(name, "path", "integer"));
            }
        }

        if (isList)
        {
            parameters.Add(Parameter("offset", "query", "integer"));
            parameters.Add(Parameter("limit", "query", "integer"));
            parameters.Add(Parameter("orderBy", "query", "string"));
            parameters.Add(Parameter("direction", "query", "string"));
        }

        var creates = method == "post" && !path.Contains("AuthorizationStrateg", StringComparison.Ordinal);
        var success = new JsonObject { ["description"] = creates ? "Created; Location says where." : "Done." };
        if (answer is not null)
        {
            JsonNode schema = Reference(answer.TrimStart('*'));
            success["content"] = Content(isList ? new JsonObject { ["type"] = "array", ["items"] = schema } : schema);
        }

        var operation = new JsonObject
        {
            ["summary"] = summary,
            ["tags"] = new JsonArray(path.Split('/')[2]),
            ["parameters"] = parameters,
            ["responses"] = new JsonObject
            {
                [creates ? "201" : "200"] = success,
                ["400"] = new JsonObject { ["description"] = "The request is wrong; errors says where." },
                ["401"] = new JsonObject { ["description"] = "No valid token of this API." },
                ["404"] = new JsonObject { ["description"] = "There is no such record." },
            },
        };
        if (body is not null)
        {
            operation["requestBody"] = new JsonObject { ["required"] = true, ["content"] = Content(Reference(body)) };
        }

        return operation;
    }

    private static JsonObject Schema(string members)
    {
        var properties = new JsonObject();
        foreach (var member in members.Split(' '))
        {
            var name = member.TrimEnd('#', '?', '[', ']');
            properties[name] = member[name.Length..] switch
            {
                "#" => new JsonObject { ["type"] = "integer", ["format"] = "int64" },
                "?" => new JsonObject { ["type"] = "boolean" },
                "[#]" => new JsonObject { ["type"] = "array", ["items"] = new JsonObject { ["type"] = "integer", ["format"] = "int64" } },
                "[]" => new JsonObject { ["type"] = "array", ["items"] = new JsonObject() },
                _ => new JsonObject { ["type"] = "string" },
            };
        }

        return new JsonObject { ["type"] = "object", ["properties"] = properties };
    }

    private static JsonObject Parameter(string name, string place, string type) => new()
    {
        ["name"] = name,
        ["in"] = place,
        ["required"] = place == "path",
        ["schema"] = new JsonObject { ["type"] = type },
    };

    private static JsonObject Content(JsonNode schema) => new() { ["application/json"] = new JsonObject { ["schema"] = schema } };

    private static JsonObject Reference(string schema) => new() { ["$ref"] = $"#/components/schemas/{schema}" };
}
