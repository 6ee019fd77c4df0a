using System.Text.Json.Nodes;

namespace Rollcall.IntegrationTests.Serve.Http;

/// <summary>What goes wrong before storage is asked: paths, methods, media types, bodies, headers.</summary>
public abstract class HttpProtocolTests(HttpServer server)
{
    private const string Students = "/data/v3/ed-fi/students";

    private const string NotFound = """
        {
          "detail": "The specified data could not be found.",
          "type": "urn:ed-fi:api:not-found",
          "title": "Not Found",
          "validationErrors": {},
          "errors": []
        }
        """;

    [Rule("3.9.no-address", "0.1.plural-only", "3.1.resource-before-method", "3.1.token-before-path", "0.3.envelope")]
    [Theory]
    [InlineData("/data/v3/ed-fi/student")]
    [InlineData("/data/v3/ed-fi/educationOrganizations")]
    [InlineData("/data/v3/nowhere/students")]
    [InlineData("/data/v3/students")]
    [InlineData("/data/v3/ed-fi")]
    [InlineData("/data/v3")]
    [InlineData("/data")]
    [InlineData("/data/v3/ed-fi/students/0b6c3c2e-7d8b-4c6e-9a51-94b1c2f3d4e5/more")]
    [InlineData("/data/v3/ed-fi/students//")]
    [InlineData("/data/v3/ed-fi//students")]
    [InlineData("/data/v3//ed-fi/students")]
    [InlineData("/data/v3/2025/ed-fi/students/0b6c3c2e-7d8b-4c6e-9a51-94b1c2f3d4e5")]
    [InlineData("/changeQueries/v1/nothing")]
    public async Task What_is_no_address_is_404_with_any_method(string path)
    {
        foreach (var method in (string[])["GET", "POST", "PUT", "DELETE", "PATCH"])
        {
            (await server.SendAsync(method, path, method is "GET" ? null : "not json", "text/plain", server.Bearer)).IsProblem(404, NotFound);
        }

        (await server.SendAsync("GET", path, null, null, null)).Is(401);
    }

    [Rule("0.1.outside-families", "1.2.unknown-document")]
    [Theory]
    [InlineData("/nowhere")]
    [InlineData("/composites/v1/a/b/c")]
    [InlineData("/data2/v3/ed-fi/students")]
    [InlineData("/oauth/other")]
    [InlineData("/metadata/nothing")]
    [InlineData("/metadata/xsd/nothing/files")]
    [InlineData("/metadata/xsd/ed-fi/../../etc/passwd")]
    public async Task Outside_the_families_is_404_without_a_token(string path) =>
        (await server.SendAsync("GET", path, null, null, null)).IsProblem(404, NotFound);

    [Rule("3.9.malformed-id", "3.1.shape-before-resource", "11.9.bad-id")]
    [Theory]
    [InlineData("/data/v3/ed-fi/students/x1", "x1")]
    [InlineData("/data/v3/no/such/x1", "x1")]
    [InlineData("/data/v3/ed-fi/students/0b6c3c2e-7d8b-4c6e-9a51-94b1c2f3d4e", "0b6c3c2e-7d8b-4c6e-9a51-94b1c2f3d4e")]
    public async Task A_malformed_id_is_400_with_any_method_even_without_such_a_resource(string path, string segment)
    {
        foreach (var method in (string[])["GET", "POST", "PUT", "DELETE", "PATCH"])
        {
            (await server.SendAsync(method, path, null, null, server.Bearer)).IsProblem(400, $$"""
                {
                  "detail": "Data validation failed. See 'validationErrors' for details.",
                  "type": "urn:ed-fi:api:bad-request:data-validation-failed",
                  "title": "Data Validation Failed",
                  "validationErrors": { "$.id": ["The value '{{segment}}' is not valid."] },
                  "errors": []
                }
                """);
        }
    }

    [Rule("3.9.post-item", "3.9.put-collection", "3.9.delete-collection", "3.9.other-methods", "3.9.changes-get-only", "3.9.allow", "0.3.media-types", "11.19.problem-media-type")]
    [Theory]
    [InlineData("POST", "/{id}", "GET, PUT, DELETE", "Resource items can only be updated using PUT. To 'upsert' an item in the resource collection using POST, remove the 'id' from the route.")]
    [InlineData("PUT", "", "GET, POST", "Resource collections cannot be replaced. To 'upsert' an item in the collection, use POST. To update a specific item, use PUT and include the 'id' in the route.")]
    [InlineData("DELETE", "", "GET, POST", "Resource collections cannot be deleted. To delete a specific item, use DELETE and include the 'id' in the route.")]
    [InlineData("PATCH", "", "GET, POST", "The endpoint of the request does not support the 'PATCH' method.")]
    [InlineData("TRACE", "/{id}", "GET, PUT, DELETE", "The endpoint of the request does not support the 'TRACE' method.")]
    [InlineData("OPTIONS", "/{id}", "GET, PUT, DELETE", "The endpoint of the request does not support the 'OPTIONS' method.")]
    [InlineData("POST", "/deletes", "GET", "The endpoint of the request does not support the 'POST' method.")]
    [InlineData("DELETE", "/keyChanges", "GET", "The endpoint of the request does not support the 'DELETE' method.")]
    public async Task A_method_that_does_not_apply_is_405_with_what_does(string method, string suffix, string allow, string error)
    {
        var path = Students + suffix.Replace("{id}", Guid.NewGuid().ToString(), StringComparison.Ordinal);
        var expected = new JsonObject
        {
            ["detail"] = "The request construction was invalid.",
            ["type"] = "urn:ed-fi:api:method-not-allowed",
            ["title"] = "Method Not Allowed",
            ["validationErrors"] = new JsonObject(),
            ["errors"] = new JsonArray(error),
        }.ToJsonString();
        (await server.SendAsync(method, path, null, null, server.Bearer)).IsProblem(405, expected).HasHeader("Allow", allow);
    }

    [Rule("3.1.method-before-content-type", "3.1.content-type-before-body")]
    [Theory]
    [InlineData("POST", "/{id}", "text/plain", "not json", 405)]
    [InlineData("PUT", "", "text/plain", "", 405)]
    [InlineData("PUT", "", "application/json", "{", 405)]
    [InlineData("POST", "", "text/plain", "", 415)]
    [InlineData("POST", "", "text/plain", "{", 415)]
    [InlineData("PUT", "/{id}", "text/plain", "", 415)]
    [InlineData("PUT", "/{id}", "text/plain", "{\"a\":1,\"a\":2}", 415)]
    public async Task The_method_comes_before_the_media_type_and_that_before_the_body(string method, string suffix, string contentType, string body, int status) =>
        (await server.SendAsync(method, Item(suffix), body, contentType, server.Bearer)).Is(status);

    /// <summary>Each body has the fault of its line and all of those below: it is answered for the first.</summary>
    [Rule("3.1.body-before-schema", "3.1.body-before-target")]
    [Theory]
    [InlineData("POST", "", " ", "", "A non-empty request body is required.")]
    [InlineData("POST", "", "{\"id\":\"x\",\"a\":1,\"a\":2,}", "$.", "trailing comma")]
    [InlineData("POST", "", "{\"id\":\"x\",\"a\":1,\"a\":2}", "$.a", "An item with the same key has already been added.")]
    [InlineData("POST", "", "{\"id\":\"x\",\"firstName\":7}", "", "Resource identifiers cannot be assigned by the client.")]
    [InlineData("POST", "", "{\"firstName\":7}", "$.firstName", "firstName Value is")]
    [InlineData("PUT", "/{id}", " ", "", "A non-empty request body is required.")]
    [InlineData("PUT", "/{id}", "{\"id\":\"x\",\"a\":1,\"a\":2,}", "$.", "trailing comma")]
    [InlineData("PUT", "/{id}", "{\"id\":\"x\",\"a\":1,\"a\":2}", "$.a", "An item with the same key has already been added.")]
    [InlineData("PUT", "/{id}", "{\"firstName\":7}", "$.firstName", "firstName Value is")]
    public async Task The_first_fault_of_a_body_is_answered_although_the_item_does_not_exist(string method, string suffix, string body, string key, string message)
    {
        var problem = (await server.SendAsync(method, Item(suffix), body, "application/json", server.Bearer)).Is(400).Json!;
        var findings = key.Length == 0 ? problem["errors"]!.AsArray() : problem["validationErrors"]![key]!.AsArray();
        Assert.Contains(message, (string)Assert.Single(findings)!, StringComparison.Ordinal);
    }

    private static string Item(string suffix) => Students + suffix.Replace("{id}", Guid.NewGuid().ToString(), StringComparison.Ordinal);

    [Rule("3.9.head")]
    [Fact]
    public async Task Head_is_405_without_a_body()
    {
        var answer = (await server.SendAsync("HEAD", Students, null, null, server.Bearer)).IsBare(405);
        answer.HasHeader("Allow", "GET, POST").HasHeader("Content-Type", "application/json; charset=utf-8");
    }

    [Rule("3.9.preflight")]
    [Fact]
    public async Task A_preflight_is_answered_before_anything_else()
    {
        foreach (var path in (string[])[Students, "/nowhere", "/oauth/token"])
        {
            var answer = await server.SendAsync("OPTIONS", path, null, null, null, ("Origin", "http://x.org"), ("Access-Control-Request-Method", "GET"));
            answer.IsBare(204);
            Assert.DoesNotContain(answer.Headers.Keys, h => h.StartsWith("Access-Control", StringComparison.OrdinalIgnoreCase));
        }

        (await server.SendAsync("OPTIONS", Students, null, null, null)).Is(401);
    }

    [Rule("3.9.content-type")]
    [Theory]
    [InlineData("text/plain")]
    [InlineData("application/x-www-form-urlencoded")]
    [InlineData("application/xml")]
    [InlineData("json")]
    [InlineData("")]
    public async Task A_body_of_another_type_is_415(string contentType)
    {
        var answer = contentType.Length > 0
            ? await server.SendAsync("POST", Students, HttpServer.Student("415"), contentType, server.Bearer)
            : await RawHttp.SendAsync(server.Root, $"POST {Students} HTTP/1.1\r\nHost: x\r\nAuthorization: {server.Bearer}\r\nContent-Type: \r\nContent-Length: 2\r\n\r\n{{}}");
        answer.IsProblem(415, """
            {
              "detail": "The value specified in the 'Content-Type' header is not supported by this host.",
              "type": "urn:ed-fi:api:unsupported-media-type",
              "title": "Unsupported Media Type",
              "validationErrors": {},
              "errors": ["The value specified in the 'Content-Type' header is not supported by this host."]
            }
            """);
    }

    [Rule("3.9.content-type-missing", "11.17.missing-content-type")]
    [Theory]
    [InlineData(null)]
    [InlineData("application/json; charset=utf-8")]
    [InlineData("Application/JSON")]
    [InlineData("text/json")]
    public async Task A_json_body_is_taken_by_any_of_its_names(string? contentType) =>
        (await server.SendAsync("POST", Students, HttpServer.Student(server.Unique("type-")), contentType, server.Bearer)).Is(201);

    [Rule("0.2.byte-order-mark")]
    [Fact]
    public async Task A_byte_order_mark_is_tolerated() =>
        (await server.PostAsync(Students, "\uFEFF" + HttpServer.Student(server.Unique("bom-")))).Is(201);

    [Rule("3.9.empty-body", "0.3.media-types", "11.18.empty-members")]
    [Theory]
    [InlineData("")]
    [InlineData(" \r\n\t ")]
    public async Task An_empty_body_is_400(string body) => (await server.PostAsync(Students, body)).IsProblem(400, """
        {
          "detail": "The request could not be processed. See 'errors' for details.",
          "type": "urn:ed-fi:api:bad-request",
          "title": "Bad Request",
          "validationErrors": {},
          "errors": ["A non-empty request body is required."]
        }
        """);

    [Rule("3.9.malformed-json", "3.9.duplicate-member", "3.3.no-object", "11.16.trailing-comma")]
    [Theory]
    [InlineData("{\"a\":1,}", "$.", "The JSON object contains a trailing comma at the end which is not supported in this mode. Change the reader options. LineNumber: 0 | BytePositionInLine: 7.")]
    [InlineData("{\"a\":{\"b\":1}", "$.", "Expected depth to be zero at the end of the JSON payload. There is an open JSON object or array that should be closed. LineNumber: 0 | BytePositionInLine: 12.")]
    [InlineData("{\"otherNames\":[{\"firstName\":\"a\",\"firstName\":\"b\"}]}", "$.otherNames[0].firstName", "An item with the same key has already been added.")]
    [InlineData("[]", "$.", " Value is \"array\" but should be \"object\"")]
    public async Task A_body_that_is_no_proper_json_object_is_400(string body, string key, string message)
    {
        (await server.PostAsync(Students, body)).IsProblem(400, new JsonObject
        {
            ["detail"] = "Data validation failed. See 'validationErrors' for details.",
            ["type"] = "urn:ed-fi:api:bad-request:data-validation-failed",
            ["title"] = "Data Validation Failed",
            ["validationErrors"] = new JsonObject { [key] = new JsonArray(message) },
            ["errors"] = new JsonArray(),
        }.ToJsonString());
    }

    [Fact]
    public async Task A_body_that_is_not_json_at_all_is_400_and_repeats_nothing_of_it()
    {
        var answer = (await server.PostAsync(Students, "Ada Byron, born 2010")).Is(400);
        Assert.DoesNotContain("Byron", answer.Body, StringComparison.Ordinal);
        Assert.Equal("urn:ed-fi:api:bad-request:data-validation-failed", (string)answer.Json!["type"]!);
    }

    [Rule("3.9.too-large", "3.1.size-before-token")]
    [Fact]
    public async Task A_body_of_50_megabytes_is_413_at_once_and_without_a_token()
    {
        // Only the headers are sent: an answer proves that the body was not waited for.
        var answer = await RawHttp.SendAsync(
            server.Root, $"POST {Students} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 52428800\r\nExpect: 100-continue\r\n\r\n");
        answer.IsProblem(413, """
            {
              "detail": "The request body is larger than 10485760 bytes, the most that this server accepts.",
              "type": "urn:ed-fi:api:payload-too-large",
              "title": "Payload Too Large",
              "validationErrors": {},
              "errors": []
            }
            """);
    }

    [Fact]
    public async Task A_client_that_sends_50_megabytes_all_the_same_reads_the_413()
    {
        var answer = await server.PostAsync(Students, new string(' ', 50 * 1_048_576));
        Assert.Equal(413, answer.Status);
        (await server.GetAsync($"{Students}?limit=1")).Is(200);
    }

    [Rule("3.9.too-large")]
    [Fact]
    public async Task A_body_without_a_length_is_413_when_it_passes_the_limit()
    {
        var answer = await RawHttp.SendChunkedAsync(
            server.Root,
            $"POST {Students} HTTP/1.1\r\nHost: x\r\nAuthorization: {server.Bearer}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n",
            11 * 1_048_576);
        Assert.Equal(413, answer.Status);
    }

    [Rule("3.9.broken-body")]
    [Theory]
    [InlineData("fffffffffffffffff\r\n{}\r\n0\r\n\r\n")]
    [InlineData("zz\r\n{}\r\n0\r\n\r\n")]
    public async Task A_body_whose_chunks_make_no_sense_is_400(string chunks)
    {
        var answer = await RawHttp.SendAsync(
            server.Root,
            $"POST {Students} HTTP/1.1\r\nHost: x\r\nAuthorization: {server.Bearer}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}");
        answer.IsProblem(400, """
            {
              "detail": "The request could not be processed. See 'errors' for details.",
              "type": "urn:ed-fi:api:bad-request",
              "title": "Bad Request",
              "validationErrors": {},
              "errors": ["The request body could not be read to its end."]
            }
            """);
    }

    [Rule("3.9.content-encoding")]
    [Theory]
    [InlineData("gzip", 415)]
    [InlineData("br", 415)]
    [InlineData("identity", 400)]
    [InlineData("", 400)]
    public async Task A_packed_body_is_415_and_not_called_broken_JSON(string encoding, int status)
    {
        var answer = await RawHttp.SendAsync(
            server.Root,
            $"POST {Students} HTTP/1.1\r\nHost: x\r\nAuthorization: {server.Bearer}\r\nContent-Encoding: {encoding}\r\nContent-Length: 2\r\n\r\n{{}}");
        Assert.Equal(status, answer.Status);
        if (status == 415)
        {
            answer.IsProblem(415, """
                {
                  "detail": "The value specified in the 'Content-Encoding' header is not supported by this host.",
                  "type": "urn:ed-fi:api:unsupported-media-type",
                  "title": "Unsupported Media Type",
                  "validationErrors": {},
                  "errors": ["The value specified in the 'Content-Encoding' header is not supported by this host."]
                }
                """);
        }
    }

    [Rule("1.1.host-missing")]
    [Fact]
    public async Task A_client_of_http_1_0_that_names_no_host_gets_addresses_that_work()
    {
        var answer = await RawHttp.SendAsync(server.Root, "GET / HTTP/1.0\r\n\r\n");
        Assert.StartsWith($"{server.Root}/", (string)answer.Json!["urls"]!["oauth"]!, StringComparison.Ordinal);
    }

    [Rule("10.correlation")]
    [Fact]
    public async Task The_callers_correlation_id_comes_back_fit_for_a_log()
    {
        Assert.Equal("abc-1", (string)(await server.GetAsync("/data/v3/x", ("correlationid", "abc-1"))).Json!["correlationId"]!);
        Assert.Equal("q1", (string)(await server.GetAsync("/data/v3/x?correlationId=q1")).Json!["correlationId"]!);
        Assert.Equal("h1", (string)(await server.GetAsync("/data/v3/x?correlationId=q1", ("correlationId", "h1"))).Json!["correlationId"]!);
        var odd = (string)(await server.GetAsync($"/data/v3/x?correlationId=a%0Ab{new string('c', 500)}")).Json!["correlationId"]!;
        Assert.Equal("ab" + new string('c', 125), odd);
        (await server.GetAsync($"{Students}?correlationId=q1&limit=1")).Is(200);
    }

    [Fact]
    public async Task A_profile_is_not_pretended_to_be_applied()
    {
        var answer = (await server.GetAsync(Students, ("Accept", "application/vnd.ed-fi.student.x.readable+json"))).Is(406);
        Assert.Equal("urn:ed-fi:api:profile:invalid-profile-usage", (string)answer.Json!["type"]!);
        (await server.GetAsync($"{Students}?limit=1", ("Accept", "text/html"))).Is(200).HasHeader("Content-Type", "application/json; charset=utf-8");
    }

    [Rule("10.health", "1.1.anonymous")]
    [Fact]
    public async Task Health_is_spelled_as_monitors_expect()
    {
        var answer = (await server.SendAsync("GET", "/Health", null, null, "nonsense")).Is(200);
        Assert.Contains("\"Description\": \"Application is up and running\"", answer.Body, StringComparison.Ordinal);
        Assert.Contains("\"Description\": \"Database connection is healthy.\"", answer.Body, StringComparison.Ordinal);
        answer.HasBody("""
            {
              "Status": "Healthy",
              "Results": [
                { "Name": "ApplicationHealthCheck", "Status": "Healthy", "Description": "Application is up and running" },
                { "Name": "DbHealthCheck", "Status": "Healthy", "Description": "Database connection is healthy." }
              ]
            }
            """);
    }

    [Rule("10.counters")]
    [Fact]
    public async Task Requests_are_counted_by_resource_method_and_status()
    {
        long Count(string method, int status) =>
            server.Host.Counters.Snapshot().Where(c => c.Resource == "/ed-fi/academicWeeks" && c.Method == method && c.Status == status).Sum(c => c.Count);
        var (posts, reads, writes) = (Count("POST", 409), Count("GET", 200), server.Host.Counters.Writes);
        await server.PostAsync("/data/v3/ed-fi/academicWeeks", HttpServer.Week(4711, "nowhere"));
        await server.GetAsync("/data/v3/ed-fi/academicWeeks?limit=0");
        Assert.Equal((posts + 1, reads + 1, writes + 1), (Count("POST", 409), Count("GET", 200), server.Host.Counters.Writes));
        Assert.Contains(
            $"rollcall_serve_requests_total{{resource=\"/ed-fi/academicWeeks\",method=\"POST\",status=\"409\"}} {posts + 1}\n",
            (await server.SendAsync("GET", "/metrics", null, null, null)).Body,
            StringComparison.Ordinal);
    }
}

[Collection(SqliteCollection.Name)]
public sealed class SqliteHttpProtocolTests(SqliteServer server) : HttpProtocolTests(server);

[Collection(PostgresCollection.Name)]
public sealed class PostgresHttpProtocolTests(PostgresServer server) : HttpProtocolTests(server.OrSkip());
