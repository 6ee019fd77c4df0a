using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Rollcall.Standard.Loading;
using Rollcall.Standard.Model;

namespace Rollcall.Tests.Exchange.Sync;

/// <summary>An Ed-Fi API in memory: upsert by natural key, references that must exist, dependents that forbid deletes, key changes where
/// the standard allows them. It reads keys and references with the slow JSON tree and shares nothing with the code that it judges but the model.</summary>
internal sealed class FakeApi : HttpMessageHandler
{
    private static readonly Lazy<string[]> _descriptors = new(() =>
    {
        using var lines = new StreamReader(CompactModelReader.OpenStandardDescriptors());
        return lines.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries);
    });

    private static readonly byte[] _dependencies = File.ReadAllBytes(RepositoryRoot.File("tests/data/dependencies-5.2.json"));
    private static readonly DataStandard _standard = CompactModelReader.EdFi52;
    private readonly Lock _lock = new();

    public sealed record Stored(Guid Id, JsonObject Body);

    /// <summary>Resource endpoint and natural key to document.</summary>
    public Dictionary<(string Endpoint, string Key), Stored> Documents { get; } = [];

    /// <summary>Writes by <c>METHOD endpoint status</c>.</summary>
    public ConcurrentDictionary<string, int> Counts { get; } = new();

    public bool MakesKeyChanges { get; set; } = true;

    /// <summary>What the API says that it serves.</summary>
    public string DataModels { get; set; } = """[{"name":"Ed-Fi","version":"5.2.0"}]""";

    /// <summary>Descriptors (URI) that this API does not have.</summary>
    public HashSet<string> MissingDescriptors { get; } = [];

    /// <summary>Decides over a write before it is looked at: a status to answer with, or null.</summary>
    public Func<string, string, JsonObject?, int?>? Refuse { get; set; }

    /// <summary>Called around every write: <c>before the call</c> and <c>after the call</c>.</summary>
    public Action<string>? Probe { get; set; }

    public int Writes(string method) => Counts.Where(c => c.Key.StartsWith(method + " ", StringComparison.Ordinal)).Sum(c => c.Value);

    public int Writes(string method, string endpoint) => Counts.Where(c => c.Key.StartsWith($"{method} {endpoint} ", StringComparison.Ordinal)).Sum(c => c.Value);

    /// <summary>Puts a document there that is not the sync's own.</summary>
    public void Seed(string endpoint, string json)
    {
        var body = JsonNode.Parse(json)!.AsObject();
        Documents[(endpoint, KeyOf(_standard.Core(endpoint), body))] = new Stored(Guid.NewGuid(), body);
    }

    /// <summary>All documents of a resource, canonically written and sorted.</summary>
    public string[] All(string endpoint)
    {
        lock (_lock)
        {
            return [.. Documents.Where(d => d.Key.Endpoint == endpoint).Select(d => Canonical(d.Value.Body)).Order(StringComparer.Ordinal)];
        }
    }

    public static string Canonical(JsonNode node) => node switch
    {
        JsonObject o => "{" + string.Join(",", o.Where(m => m.Value is not null).OrderBy(m => m.Key, StringComparer.Ordinal).Select(m => $"\"{m.Key}\":{Canonical(m.Value!)}")) + "}",
        JsonArray a => "[" + string.Join(",", a.Select(i => Canonical(i!)).Order(StringComparer.Ordinal)) + "]",
        _ => node.ToJsonString(),
    };

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var path = request.RequestUri!.AbsolutePath.Trim('/');
        var method = request.Method.Method;
        if (method == "GET" || path == "oauth/token")
        {
            return Read(path, request.RequestUri.Query);
        }

        var text = request.Content is null ? null : await request.Content.ReadAsStringAsync(cancellationToken);
        await Task.Yield();
        Probe?.Invoke("before the call");
        HttpResponseMessage response;
        lock (_lock)
        {
            var parts = path.Split('/');
            var body = text is null ? null : JsonNode.Parse(text)!.AsObject();
            var endpoint = parts[3];
            response = Refuse?.Invoke(method, endpoint, body) is { } status
                ? Problem(status, "urn:ed-fi:api:test:refused")
                : Write(method, _standard.Core(endpoint), parts.Length > 4 ? Guid.Parse(parts[4]) : null, body);
            Counts.AddOrUpdate($"{method} {endpoint} {(int)response.StatusCode}", 1, (_, n) => n + 1);
        }

        Probe?.Invoke("after the call");
        return response;
    }

    private HttpResponseMessage Read(string path, string query)
    {
        if (path.Length == 0)
        {
            return Json($$"""
                {"version":"7.3","dataModels":{{DataModels}},
                "urls":{"dependencies":"http://fake/metadata/data/v3/dependencies"} }
                """);
        }

        if (path == "oauth/token")
        {
            return Json("""{"access_token":"t","token_type":"bearer","expires_in":1800}""");
        }

        if (path.EndsWith("dependencies", StringComparison.Ordinal))
        {
            return Json(Encoding.UTF8.GetString(_dependencies));
        }

        if (path.EndsWith("Descriptors", StringComparison.Ordinal))
        {
            var endpoint = path.Split('/')[^1];
            var offset = int.Parse(query.Split("offset=")[1].Split('&')[0], CultureInfo.InvariantCulture);
            var limit = int.Parse(query.Split("limit=")[1].Split('&')[0], CultureInfo.InvariantCulture);
            var page = _descriptors.Value.Where(d => d.Contains($"\"{endpoint}\"", StringComparison.Ordinal))
                .Where(d => JsonNode.Parse(d) is { } n && !MissingDescriptors.Contains($"{n["namespace"]}#{n["codeValue"]}")).Skip(offset).Take(limit);
            return Json("[" + string.Join(",", page) + "]");
        }

        var parts = path.Split('/');
        return parts is ["data", "v3", _, _, ..] ? Collection(parts, System.Web.HttpUtility.ParseQueryString(query)) : Problem(404, "urn:ed-fi:api:not-found");
    }

    private HttpResponseMessage Collection(string[] parts, System.Collections.Specialized.NameValueCollection query)
    {
        lock (_lock)
        {
            var all = Documents.Where(d => d.Key.Endpoint == parts[3]).Select(d => d.Value).ToList();
            if (parts.Length > 4)
            {
                return all.FirstOrDefault(d => d.Id == Guid.Parse(parts[4])) is { } one ? Json(WithId(one)) : Problem(404, "urn:ed-fi:api:not-found");
            }

            var (offset, limit) = (int.Parse(query["offset"] ?? "0", CultureInfo.InvariantCulture), int.Parse(query["limit"] ?? "25", CultureInfo.InvariantCulture));
            var response = Json("[" + string.Join(",", all.Skip(offset).Take(limit).Select(WithId)) + "]");
            response.Headers.Add("Total-Count", all.Count.ToString(CultureInfo.InvariantCulture));
            return response;
        }

        static string WithId(Stored stored)
        {
            var body = stored.Body.DeepClone().AsObject();
            body["id"] = stored.Id.ToString("N");
            body["_etag"] = "1";
            return body.ToJsonString();
        }
    }

    private HttpResponseMessage Write(string method, ResourceModel resource, Guid? id, JsonObject? body)
    {
        var endpoint = resource.Name.Endpoint;
        var byId = id is null ? default : Documents.FirstOrDefault(d => d.Key.Endpoint == endpoint && d.Value.Id == id);
        if (id is not null && byId.Value is null)
        {
            return Problem(404, "urn:ed-fi:api:not-found");
        }

        if (method == "DELETE")
        {
            if (Documents.Any(d => References(_standard.Core(d.Key.Endpoint), d.Value.Body).Any(r => r.Targets.Contains(endpoint) && r.Key == byId.Key.Key)))
            {
                return Problem(409, "urn:ed-fi:api:data-conflict:dependent-item-exists");
            }

            Documents.Remove(byId.Key);
            return new HttpResponseMessage(HttpStatusCode.NoContent);
        }

        var key = KeyOf(resource, body!);
        if (References(resource, body!).Any(r => !r.Targets.Any(t => Documents.ContainsKey((t, r.Key)))))
        {
            return Problem(409, "urn:ed-fi:api:data-conflict:unresolved-reference");
        }

        if (method == "PUT")
        {
            if (key != byId.Key.Key)
            {
                if (!MakesKeyChanges || !resource.AllowsKeyChange)
                {
                    return Problem(400, "urn:ed-fi:api:bad-request:data-validation-failed:key-change-not-supported");
                }

                if (Documents.ContainsKey((endpoint, key)))
                {
                    return Problem(409, "urn:ed-fi:api:data-conflict:non-unique-identity");
                }

                Documents.Remove(byId.Key);
            }

            Documents[(endpoint, key)] = new Stored(id!.Value, body!);
            return new HttpResponseMessage(HttpStatusCode.NoContent);
        }

        var isNew = !Documents.TryGetValue((endpoint, key), out var before);
        var stored = Documents[(endpoint, key)] = new Stored(before?.Id ?? Guid.NewGuid(), body!);
        var response = new HttpResponseMessage(isNew ? HttpStatusCode.Created : HttpStatusCode.OK);
        response.Headers.Location = new Uri($"http://fake/data/v3/ed-fi/{endpoint}/{stored.Id:N}");
        return response;
    }

    private static string KeyOf(ResourceModel resource, JsonObject body) => string.Join("|", resource.Key.Select(k => Values(body, k.Paths[0].Text[2..].Split('.')).Single()));

    private static IEnumerable<(string[] Targets, string Key)> References(ResourceModel resource, JsonObject body)
    {
        foreach (var reference in resource.References.Where(r => r.TargetType != "SchoolYearType"))
        {
            foreach (var found in Nodes(body, reference.Path.Text[2..].Split('.')))
            {
                yield return ([.. reference.Targets.Select(t => t.Name.Endpoint)], string.Join("|", reference.KeyFields.Select(f => Text(found[f.Name]!))));
            }
        }
    }

    private static IEnumerable<string> Values(JsonNode node, string[] path) =>
        Nodes(node, path[..^1]).Where(n => n[path[^1]] is not null).Select(n => Text(n[path[^1]]!));

    private static IEnumerable<JsonNode> Nodes(JsonNode node, string[] path)
    {
        if (path.Length == 0)
        {
            return [node];
        }

        var isArray = path[0].EndsWith("[*]", StringComparison.Ordinal);
        return node[isArray ? path[0][..^3] : path[0]] switch
        {
            null => [],
            JsonArray items => items.SelectMany(i => Nodes(i!, path[1..])),
            var inner => Nodes(inner, path[1..]),
        };
    }

    private static string Text(JsonNode value) => value.GetValueKind() == JsonValueKind.String ? value.GetValue<string>().ToUpperInvariant() : value.ToJsonString();

    private static HttpResponseMessage Json(string json) => new(HttpStatusCode.OK) { Content = new StringContent(json, Encoding.UTF8, "application/json") };

    private static HttpResponseMessage Problem(int status, string type) => new((HttpStatusCode)status)
    {
        Content = new StringContent($$"""{"type":"{{type}}","title":"Refused","detail":"Refused for the test.","status":{{status}}}""", Encoding.UTF8, "application/problem+json"),
    };
}
