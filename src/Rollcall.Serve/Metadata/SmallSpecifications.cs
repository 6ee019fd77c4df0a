using System.Text;
using Rollcall.Serve.Endpoints;

namespace Rollcall.Serve.Metadata;

/// <summary>The OpenAPI documents that do not depend on the data standard.</summary>
internal static class SmallSpecifications
{
    public static RootedDocument Discovery() => Of($$"""
        {
          "openapi": "3.0.1",
          "info": { "title": "Ed-Fi API discovery", "version": "1" },
          "servers": [ { "url": "{{RootedDocument.DataRoot}}", "variables": "{{RootedDocument.Variables}}" } ],
          "paths": {
            "/": { "get": { "operationId": "getDiscovery", "summary": "What this API is and where everything is.", "tags": ["discovery"],
              "responses": { "200": { "description": "The root document." } } } },
            "/metadata/dependencies": { "get": { "operationId": "getDependencies", "summary": "The order in which resources can be loaded; GraphML when Accept asks for application/graphml.", "tags": ["discovery"],
              "responses": { "200": { "description": "The order." } } } },
            "/metadata/specifications": { "get": { "operationId": "getSpecifications", "summary": "The OpenAPI documents that there are.", "tags": ["discovery"],
              "responses": { "200": { "description": "The list." } } } },
            "/oauth/token": { "post": { "operationId": "postToken", "summary": "OAuth 2.0 client credentials.", "tags": ["oauth"],
              "responses": { "200": { "description": "A token." }, "400": { "description": "A malformed request." }, "401": { "description": "Unknown credentials." } } } },
            "/oauth/token_info": { "post": { "operationId": "postTokenInfo", "summary": "What the caller's token allows.", "tags": ["oauth"],
              "responses": { "200": { "description": "The token's rights." }, "400": { "description": "Not the caller's token." }, "401": { "description": "No valid token." } } } }
          },
          "tags": [ { "name": "discovery", "description": "Where everything is." }, { "name": "oauth", "description": "Tokens." } ]
        }
        """);

    public static RootedDocument ChangeQueries() => Of($$"""
        {
          "openapi": "3.0.1",
          "info": { "title": "Ed-Fi API change queries", "version": "1" },
          "servers": [ { "url": "{{RootedDocument.DataRoot}}/changeQueries/v1", "variables": "{{RootedDocument.Variables}}" } ],
          "security": [ { "oauth2_client_credentials": [] } ],
          "paths": {
            "/availableChangeVersions": { "get": { "operationId": "getAvailableChangeVersions", "summary": "The range of change versions that can be asked for.", "tags": ["availableChangeVersions"],
              "parameters": [ { "name": "Use-Snapshot", "in": "header", "description": "Whether to read one moment: the database as it was when this client first asked for it.",
                "schema": { "type": "boolean", "default": false } } ],
              "responses": {
                "200": { "description": "The range.", "content": { "application/json": { "schema": { "$ref": "#/components/schemas/availableChangeVersions" } } } },
                "401": { "description": "The request has no valid token." } } } }
          },
          "components": {
            "schemas": { "availableChangeVersions": { "type": "object", "properties": {
              "oldestChangeVersion": { "type": "integer", "format": "int64" }, "newestChangeVersion": { "type": "integer", "format": "int64" } } } },
            "securitySchemes": { "oauth2_client_credentials": { "type": "oauth2", "flows": {
              "clientCredentials": { "tokenUrl": "{{RootedDocument.DataRoot}}/oauth/token", "scopes": {} } } } }
          },
          "tags": [ { "name": "availableChangeVersions", "description": "The range of change versions." } ]
        }
        """);

    /// <summary>The Identities API, which answers 501 at every address: clients that read all documents find one.</summary>
    public static RootedDocument Identities() => Of($$"""
        {
          "openapi": "3.0.1",
          "info": { "title": "Ed-Fi Identities API", "version": "2" },
          "servers": [ { "url": "{{RootedDocument.DataRoot}}/identity/v2", "variables": "{{RootedDocument.Variables}}" } ],
          "security": [ { "oauth2_client_credentials": [] } ],
          "paths": {
            "/identities": { "post": { "operationId": "postIdentity", "summary": "Creates an identity. Not supported by this server.", "tags": ["identities"],
              "responses": { "501": { "description": "This server has no identity system." } } } },
            "/identities/{id}": { "get": { "operationId": "getIdentityById", "summary": "Reads an identity. Not supported by this server.", "tags": ["identities"],
              "parameters": [ { "name": "id", "in": "path", "required": true, "schema": { "type": "string" } } ],
              "responses": { "501": { "description": "This server has no identity system." } } } },
            "/identities/find": { "post": { "operationId": "findIdentities", "summary": "Finds identities by id. Not supported by this server.", "tags": ["identities"],
              "responses": { "501": { "description": "This server has no identity system." } } } },
            "/identities/search": { "post": { "operationId": "searchIdentities", "summary": "Finds identities by attributes. Not supported by this server.", "tags": ["identities"],
              "responses": { "501": { "description": "This server has no identity system." } } } }
          },
          "components": {
            "schemas": {},
            "securitySchemes": { "oauth2_client_credentials": { "type": "oauth2", "flows": {
              "clientCredentials": { "tokenUrl": "{{RootedDocument.DataRoot}}/oauth/token", "scopes": {} } } } }
          },
          "tags": [ { "name": "identities", "description": "Identities of persons across systems." } ]
        }
        """);

    private static RootedDocument Of(string json) => new(Encoding.UTF8.GetBytes(json), ContentTypes.Json);
}
