using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;

namespace Rollcall.IntegrationTests.Exchange;

/// <summary>What a stub API tracks of changes: change versions, deletes, key changes, cursors and snapshots, and how documents are found by key.</summary>
public sealed partial class StubApi
{
    private readonly List<Tracked> _tracked = [];
    private readonly Dictionary<string, FrozenRows> _snapshots = [];
    private long _version;

    /// <summary>Cursor paging and <c>/partitions</c>, as ODS/API 7.3 has them.</summary>
    public bool HasCursors { get; set; }

    /// <summary><c>/deletes</c> and <c>/keyChanges</c>; without, they are 404.</summary>
    public bool TracksChanges { get; set; } = true;

    /// <summary>Rows of deletes tell ids only, as ODS/API 5.1 to 5.3 do without a patch.</summary>
    public bool TellsNoKeys { get; set; }

    /// <summary>Leaves out deletes whose key lives again, as current APIs do.</summary>
    public bool SuppressesDeletes { get; set; } = true;

    /// <summary>Query fields are passed over, as an API does that does not know them.</summary>
    public bool IgnoresQueryFields { get; set; }

    /// <summary>A window that ends before a document's last key change tells nothing of the earlier ones.</summary>
    public bool TellsNoSteps { get; set; }

    public bool RefusesPut { get; set; }

    /// <summary>So many PUTs more are answered with 503.</summary>
    public int UnavailablePuts { get; set; }

    /// <summary>Puts a link into each reference, from the path and id that it leads to; without, there are none.</summary>
    public Func<string, Guid, string>? Href { get; set; }

    /// <summary>The words for a reference that leads nowhere, from its member; without, they name none.</summary>
    public Func<string, (int Status, string Body)>? Unresolved { get; set; }

    public long NewestVersion => Interlocked.Read(ref _version);

    /// <summary>Deletes a document as a client would.</summary>
    public void Delete(string path, Func<string, bool> which)
    {
        lock (_lock)
        {
            foreach (var row in _tables[path].Rows.Values.Where(r => which(r.Body)).ToList())
            {
                Delete(path, row);
            }
        }
    }

    /// <summary>Gives a document another key as a client's PUT would; references to it follow.</summary>
    public void Rekey(string path, Func<string, bool> which, Func<string, string> change)
    {
        lock (_lock)
        {
            var row = _tables[path].Rows.Values.First(r => which(r.Body));
            Replace(path, row, change(row.Body));
        }
    }

    /// <summary>Forgets everything that a snapshot holds, as an API does that drops one.</summary>
    public void DropSnapshots()
    {
        lock (_lock)
        {
            _snapshots.Clear();
        }
    }

    private void Delete(string path, Row row)
    {
        _tables[path].Rows.Remove(row.Sequence);
        _tables[path].ByKey.Remove(row.Key);
        _tracked.Add(new Tracked(path, row.Id, ++_version, Parse(row.Body), null));
    }

    private void Replace(string path, Row row, string body)
    {
        var resource = _resources[path];
        var old = Parse(row.Body);
        var fresh = Parse(body);
        var key = KeyOf(resource, fresh);
        row.Body = body;
        row.Writes++;
        row.Version = ++_version;
        if (key == row.Key)
        {
            return;
        }

        _tables[path].ByKey.Remove(row.Key);
        row.Key = key;
        _tables[path].ByKey[key] = row;
        _tracked.Add(new Tracked(path, row.Id, row.Version, old, fresh));
        foreach (var user in _resources.Values)
        {
            foreach (var (member, _) in user.References.Where(r => r.Target == path))
            {
                foreach (var other in _tables[user.Path].Rows.Values.ToList())
                {
                    var document = Parse(other.Body);
                    if (document[member] is JsonObject reference && resource.Key.All(k => Text(reference[k.Split('.')[^1]]) == Text(At(old, k))))
                    {
                        foreach (var k in resource.Key)
                        {
                            reference[k.Split('.')[^1]] = At(fresh, k)!.DeepClone();
                        }

                        Replace(user.Path, other, document.ToJsonString());
                    }
                }
            }
        }
    }

    private static JsonObject Parse(string body) => JsonNode.Parse(body)!.AsObject();

    private static JsonNode? At(JsonObject document, string path) => path.Split('.').Aggregate((JsonNode?)document, (node, name) => node?[name]);

    private JsonObject KeyValues(string path, JsonObject document)
    {
        var values = new JsonObject();
        foreach (var k in _resources[path].Key)
        {
            values[k.Split('.')[^1]] = At(document, k)?.DeepClone();
        }

        return values;
    }

    private string TrackedRows(string path, bool deletes, IQueryCollection query)
    {
        long Number(string name, long otherwise) => long.TryParse(query[name], out var n) ? n : otherwise;
        var rows = _tracked.Where(t => t.Path == path && !(TellsNoSteps && _tracked.Exists(o => o.Id == t.Id && o.Version > Number("maxChangeVersion", long.MaxValue))) && t.Version >= Number("minChangeVersion", 0) && t.Version <= Number("maxChangeVersion", long.MaxValue));
        IEnumerable<(long Version, JsonObject Row)> told = deletes
            ? rows.Where(t => t.New is null && !(SuppressesDeletes && _tables[path].ByKey.ContainsKey(KeyOf(_resources[path], t.Old))))
                .Select(t => (t.Version, new JsonObject { ["id"] = t.Id.ToString("D"), ["changeVersion"] = t.Version, ["keyValues"] = TellsNoKeys ? null : KeyValues(path, t.Old) }))
            : rows.Where(t => t.New is not null).GroupBy(t => t.Id).Select(g => (g.Last().Version, new JsonObject
            {
                ["id"] = g.Key.ToString("D"),
                ["changeVersion"] = g.Last().Version,
                ["oldKeyValues"] = KeyValues(path, g.First().Old),
                ["newKeyValues"] = KeyValues(path, g.Last().New!),
            }));
        return "[" + string.Join(",", told.OrderBy(t => t.Version).Skip((int)Number("offset", 0)).Take((int)Number("limit", 500)).Select(t => t.Row.ToJsonString())) + "]";
    }

    /// <summary>Addresses below a resource and change queries; false for others.</summary>
    private async Task<bool> ServeBesideAsync(HttpContext http, string name, string fate)
    {
        if (name.Equals("/changeQueries/v1/availableChangeVersions", StringComparison.OrdinalIgnoreCase))
        {
            var frozen = SnapshotOf(http);
            await Write(http, 200, $$"""{"oldestChangeVersion":0,"newestChangeVersion":{{(frozen?.Version ?? NewestVersion).ToString(CultureInfo.InvariantCulture)}}}""");
            return true;
        }

        var cut = name.LastIndexOf('/');
        var (path, last) = (name[..cut], name[(cut + 1)..]);
        if (!_resources.TryGetValue(path, out var resource))
        {
            return false;
        }

        if (last is "deletes" or "keyChanges" && TracksChanges)
        {
            string json;
            lock (_lock)
            {
                json = TrackedRows(resource.Path, last == "deletes", http.Request.Query);
            }

            Queries.Add(name + http.Request.QueryString.Value);
            await Write(http, 200, json);
            return true;
        }

        if (last == "partitions" && HasCursors)
        {
            Queries.Add(name + http.Request.QueryString.Value);
            List<Row> rows;
            lock (_lock)
            {
                rows = [.. Visible(http, resource, SnapshotOf(http))];
            }

            var number = Math.Max(1, Math.Min(int.Parse(http.Request.Query["number"].ToString() is { Length: > 0 } n ? n : "10", CultureInfo.InvariantCulture), rows.Count));
            var size = (rows.Count + number - 1) / number;
            var tokens = rows.Count == 0 ? [] : rows.Chunk(size).Select(c => Token(c[0].Sequence, c[^1].Sequence));
            await Write(http, 200, $$"""{"pageTokens":[{{string.Join(",", tokens.Select(t => $"\"{t}\""))}}]}""");
            return true;
        }

        if (!Guid.TryParse(last, out var id))
        {
            return false;
        }

        await ServeOneAsync(http, resource, id, fate);
        return true;
    }

    private async Task ServeOneAsync(HttpContext http, StubResource resource, Guid id, string fate)
    {
        var text = "";
        if (http.Request.Method == "PUT")
        {
            using var reader = new StreamReader(http.Request.Body, Encoding.UTF8);
            text = await reader.ReadToEndAsync();
        }

        var (status, body) = (404, "");
        lock (_lock)
        {
            var table = _tables[resource.Path];
            if (table.Rows.Values.FirstOrDefault(r => r.Id == id) is { } row)
            {
                switch (http.Request.Method)
                {
                    case "GET":
                        (status, body) = (200, Whole(resource, row));
                        break;
                    case "DELETE" when UsersOf(resource, row):
                        (status, body) = (409, """{"type":"urn:ed-fi:api:data-conflict:dependent-item-exists","status":409,"detail":"The item is referenced."}""");
                        break;
                    case "DELETE":
                        Delete(resource.Path, row);
                        status = 204;
                        break;
                    case "PUT" when UnavailablePuts > 0:
                        UnavailablePuts--;
                        (status, body) = (503, """{"type":"urn:ed-fi:api:service-unavailable","status":503,"detail":"Not now."}""");
                        break;
                    case "PUT" when RefusesPut:
                        (status, body) = (400, """{"type":"urn:ed-fi:api:bad-request:data","status":400,"detail":"Not now."}""");
                        break;
                    case "PUT" when table.ByKey.TryGetValue(KeyOf(resource, Parse(text)), out var other) && other != row:
                        (status, body) = (409, """{"type":"urn:ed-fi:api:data-conflict:non-unique-identity","status":409,"detail":"The key is another's."}""");
                        break;
                    case "PUT" when resource.References.Any(r => Parse(text)[r.Member] is JsonObject reference && !Exists(r.Target, reference)):
                        (status, body) = (409, """{"type":"urn:ed-fi:api:data-conflict:unresolved-reference","status":409,"detail":"The referenced item does not exist."}""");
                        break;
                    case "PUT":
                        Replace(resource.Path, row, text);
                        status = 204;
                        break;
                }
            }
        }

        Add($"{http.Request.Method} {resource.Path}/id {status}");
        if (status == 204)
        {
            Wrote(http.Request.Method);
            if (fate == "dropped after")
            {
                Add("dropped");
                http.Abort();
                return;
            }
        }

        if (body.Length > 0)
        {
            await Write(http, status, body);
        }
        else
        {
            http.Response.StatusCode = status;
        }
    }

    private bool UsersOf(StubResource resource, Row row)
    {
        var key = Parse(row.Body);
        return _resources.Values.Any(user => user.References.Where(r => r.Target == resource.Path).Any(r => _tables[user.Path].Rows.Values.Any(other =>
            Parse(other.Body)[r.Member] is JsonObject reference && resource.Key.All(k => Text(reference[k.Split('.')[^1]]) == Text(At(key, k))))));
    }

    private string Whole(StubResource resource, Row row) =>
        $$"""{"id":"{{row.Id:N}}","_etag":"{{row.Writes}}","_lastModifiedDate":"2024-01-01T00:00:00Z",{{(Href is null || resource.References.Length == 0 ? row.Body : Linked(resource, row.Body)).TrimStart()[1..]}}""";

    private string Linked(StubResource resource, string body)
    {
        var document = Parse(body);
        foreach (var (member, target) in resource.References)
        {
            if (document[member] is JsonObject reference && _tables[target].ByKey.TryGetValue(KeyIn(target, reference), out var row))
            {
                reference["link"] = new JsonObject { ["rel"] = target.Split('/')[^1], ["href"] = Href!(target, row.Id) };
            }
        }

        return document.ToJsonString();
    }

    /// <summary>The rows that a query asks for, in the order of their creation.</summary>
    private IEnumerable<Row> Visible(HttpContext http, StubResource resource, FrozenRows? frozen)
    {
        var query = http.Request.Query;
        IEnumerable<Row> rows = frozen is null ? _tables[resource.Path].Rows.Values : frozen.Rows[resource.Path];
        if (long.TryParse(query["minChangeVersion"], out var least))
        {
            rows = rows.Where(r => r.Version >= least);
        }

        if (long.TryParse(query["maxChangeVersion"], out var most))
        {
            rows = rows.Where(r => r.Version <= most);
        }

        if (!IgnoresQueryFields)
        {
            if (Guid.TryParse(query["id"], out var id))
            {
                rows = rows.Where(r => r.Id == id);
            }

            foreach (var k in resource.Key)
            {
                if (query.TryGetValue(k.Split('.')[^1], out var wanted))
                {
                    rows = rows.Where(r => Text(At(Parse(r.Body), k)).Equals(wanted.ToString(), StringComparison.OrdinalIgnoreCase));
                }
            }
        }

        return rows;
    }

    /// <summary>The moment that a client with <c>Use-Snapshot</c> sees; null for the present.</summary>
    private FrozenRows? SnapshotOf(HttpContext http)
    {
        if (!http.Request.Headers.ContainsKey("Use-Snapshot"))
        {
            return null;
        }

        lock (_lock)
        {
            if (!_snapshots.TryGetValue("", out var frozen))
            {
                _snapshots[""] = frozen = new FrozenRows(
                    _version, _tables.ToDictionary(t => t.Key, t => (IReadOnlyList<Row>)[.. t.Value.Rows.Values.Select(r => r.Copy())]));
            }

            return frozen;
        }
    }

    private static string Token(int from, int to) => Convert.ToHexStringLower(Encoding.ASCII.GetBytes($"{from}-{to}"));

    private static (int From, int To) Range(string token)
    {
        var ends = Encoding.ASCII.GetString(Convert.FromHexString(token)).Split('-');
        return (int.Parse(ends[0], CultureInfo.InvariantCulture), int.Parse(ends[1], CultureInfo.InvariantCulture));
    }

    private sealed record Tracked(string Path, Guid Id, long Version, JsonObject Old, JsonObject? New);

    private sealed record FrozenRows(long Version, IReadOnlyDictionary<string, IReadOnlyList<Row>> Rows);
}
