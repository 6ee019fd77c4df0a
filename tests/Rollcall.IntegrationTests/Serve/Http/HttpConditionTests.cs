namespace Rollcall.IntegrationTests.Serve.Http;

/// <summary>If-Match and If-None-Match: every row of the reference's table, on both stores.</summary>
public abstract class HttpConditionTests(HttpServer server)
{
    private const string Students = "/data/v3/ed-fi/students";

    private const string Modified = """
        {
          "detail": "The item has been modified by another user.",
          "type": "urn:ed-fi:api:optimistic-lock-failed",
          "title": "Optimistic Lock Failed",
          "validationErrors": {},
          "errors": ["The resource item's etag value does not match what was specified in the 'If-Match' request header indicating that it has been modified by another client since it was last retrieved."]
        }
        """;

    private const string Nothing = """
        {
          "detail": "The If-Match precondition failed because the resource does not exist.",
          "type": "urn:ed-fi:api:optimistic-lock-failed",
          "title": "Optimistic Lock Failed",
          "validationErrors": {},
          "errors": ["The 'If-Match' request header requires a current representation of the resource, but none exists. Do not retry with If-Match; create the resource first, or omit If-Match."]
        }
        """;

    private const string Matched = """
        {
          "detail": "The If-None-Match precondition failed because a current representation of the resource matched the request header.",
          "type": "urn:ed-fi:api:precondition-failed:if-none-match",
          "title": "If-None-Match Precondition Failed",
          "validationErrors": {},
          "errors": ["The 'If-None-Match' request header requires that no current representation match the supplied value, but a matching representation exists."]
        }
        """;

    [Rule("3.8.if-match")]
    [Fact]
    public async Task If_match_lets_the_current_version_through_quoted_or_not()
    {
        var (key, item, tag) = await CreateAsync();
        var put = (await server.PutAsync(item, HttpServer.Student(key, "B"), ("If-Match", tag))).IsBare(204);
        put = (await server.PutAsync(item, HttpServer.Student(key, "C"), ("If-Match", put.Header("ETag")!.Trim('"')))).IsBare(204);
        var post = (await server.PostAsync(Students, HttpServer.Student(key, "D"), ("If-Match", put.Header("ETag")!))).Is(200);
        (await server.PutAsync(item, HttpServer.Student(key, "E"), ("If-Match", "*"))).IsBare(204);
        (await server.DeleteAsync(item, ("If-Match", post.Header("ETag")!))).IsProblem(412, Modified);
        (await server.DeleteAsync(item, ("If-Match", "*"))).IsBare(204);
    }

    [Rule("3.8.if-match")]
    [Theory]
    [InlineData("W/{0}")]
    [InlineData("\"*\"")]
    [InlineData("{0}, \"x\"")]
    [InlineData("no tag at all")]
    [InlineData("\"1-00000000.j._.l.i\"")]
    public async Task If_match_with_anything_else_never_matches(string header)
    {
        var (key, item, tag) = await CreateAsync();
        var value = string.Format(System.Globalization.CultureInfo.InvariantCulture, header, tag);
        (await server.PutAsync(item, HttpServer.Student(key, "B"), ("If-Match", value))).IsProblem(412, Modified);
        (await server.PostAsync(Students, HttpServer.Student(key, "B"), ("If-Match", value))).IsProblem(412, Modified);
        (await server.DeleteAsync(item, ("If-Match", value))).IsProblem(412, Modified);
        Assert.Equal("Ada", (string)(await server.GetAsync(item)).Json!["firstName"]!);
    }

    [Rule("3.8.if-match-needs-item")]
    [Fact]
    public async Task If_match_needs_an_item()
    {
        var missing = $"{Students}/{Guid.NewGuid()}";
        var (_, _, tag) = await CreateAsync();
        (await server.PutAsync(missing, HttpServer.Student(server.Unique("m-")), ("If-Match", "*"))).IsProblem(412, Nothing);
        (await server.DeleteAsync(missing, ("If-Match", "*"))).IsProblem(412, Nothing);
        (await server.PostAsync(Students, HttpServer.Student(server.Unique("m-")), ("If-Match", "*"))).IsProblem(412, Nothing);
        (await server.PostAsync(Students, HttpServer.Student(server.Unique("m-")), ("If-Match", tag))).IsProblem(412, Nothing);
        Assert.Equal(404, (await server.PutAsync(missing, HttpServer.Student(server.Unique("m-")), ("If-Match", tag))).Status);
        (await server.DeleteAsync(missing, ("If-Match", tag))).IsBare(404);
    }

    [Rule("3.8.if-none-match-read")]
    [Fact]
    public async Task If_none_match_saves_a_read()
    {
        var (_, item, tag) = await CreateAsync();
        foreach (var header in (string[])[tag, $"W/{tag}", "*", $"\"other\", {tag}"])
        {
            (await server.GetAsync(item, ("If-None-Match", header))).IsBare(304).HasHeader("ETag", tag);
        }

        (await server.GetAsync(item, ("If-None-Match", "\"1-00000000.j._.l.i\""))).Is(200);
        // A star in a list is a tag that matches nothing, here as with writes.
        (await server.GetAsync(item, ("If-None-Match", "\"other\", *"))).Is(200);
        (await server.GetAsync(item, ("If-None-Match", tag.Replace(".l.i", ".n.i", StringComparison.Ordinal)))).Is(200);
        (await server.GetAsync($"{Students}/{Guid.NewGuid()}", ("If-None-Match", "*"))).IsBare(404);
    }

    [Rule("3.8.if-none-match-write", "11.30.if-none-match")]
    [Fact]
    public async Task If_none_match_keeps_a_write_off_what_exists()
    {
        var (key, item, tag) = await CreateAsync();
        foreach (var header in (string[])["*", tag, $"\"x\", W/{tag}"])
        {
            (await server.PostAsync(Students, HttpServer.Student(key, "B"), ("If-None-Match", header))).IsProblem(412, Matched);
            (await server.PutAsync(item, HttpServer.Student(key, "B"), ("If-None-Match", header))).IsProblem(412, Matched);
            (await server.DeleteAsync(item, ("If-None-Match", header))).IsProblem(412, Matched);
        }

        // Neither a star in a list nor a tag with zeros before it names what is there.
        (await server.PutAsync(item, HttpServer.Student(key, "B"), ("If-None-Match", "\"x\", *"))).IsBare(204);
        (await server.PutAsync(item, HttpServer.Student(key, "C"), ("If-None-Match", (await server.GetAsync(item)).Header("ETag")!.Insert(1, "00")))).IsBare(204);
        (await server.PostAsync(Students, HttpServer.Student(server.Unique("new-")), ("If-None-Match", "*"))).Is(201);
    }

    [Rule("3.8.both-headers")]
    [Fact]
    public async Task With_both_headers_if_match_alone_counts()
    {
        var (key, item, tag) = await CreateAsync();
        (await server.PutAsync(item, HttpServer.Student(key, "B"), ("If-Match", tag), ("If-None-Match", "*"))).IsBare(204);
    }

    private async Task<(string Key, string Item, string Tag)> CreateAsync()
    {
        var key = server.Unique("condition-");
        var created = await server.PostAsync(Students, HttpServer.Student(key));
        return (key, $"{Students}/{created.Id}", created.Header("ETag")!);
    }
}

[Collection(SqliteCollection.Name)]
public sealed class SqliteHttpConditionTests(SqliteServer server) : HttpConditionTests(server);

[Collection(PostgresCollection.Name)]
public sealed class PostgresHttpConditionTests(PostgresServer server) : HttpConditionTests(server.OrSkip());
