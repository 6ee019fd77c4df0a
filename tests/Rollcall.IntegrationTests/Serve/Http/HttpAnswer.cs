using System.Text.Json.Nodes;

namespace Rollcall.IntegrationTests.Serve.Http;

/// <summary>An answer as it came over the wire.</summary>
/// <param name="Headers">By name; several values are joined with a comma.</param>
public sealed record HttpAnswer(int Status, IReadOnlyDictionary<string, string> Headers, string Body)
{
    public JsonNode? Json => JsonNode.Parse(Body);

    public string? Header(string name) => Headers.GetValueOrDefault(name);

    /// <summary>The id at the end of Location.</summary>
    public string Id => Header("Location")!.Split('/')[^1];

    /// <summary>The whole problem, but for the correlation id, which must be there; and what every answer carries.</summary>
    public HttpAnswer IsProblem(int status, string expected)
    {
        Assert.True(Status == status, ToString());
        Assert.Equal(status is 400 or 405 ? "application/json; charset=utf-8" : "application/problem+json", Header("Content-Type"));
        return HasProblem(status, expected);
    }

    /// <summary>The same for the problems whose media type says so whatever their status: those about profiles.</summary>
    public HttpAnswer IsProblemJson(int status, string expected)
    {
        Assert.True(Status == status, ToString());
        Assert.Equal("application/problem+json", Header("Content-Type"));
        return HasProblem(status, expected);
    }

    private HttpAnswer HasProblem(int status, string expected)
    {
        var body = Json!.AsObject();
        var correlationId = (string?)body["correlationId"];
        Assert.False(string.IsNullOrEmpty(correlationId));
        Assert.Equal(status, (int)body["status"]!);
        body.Remove("correlationId");
        body.Remove("status");
        var wanted = JsonNode.Parse(expected)!;
        Assert.True(JsonNode.DeepEquals(wanted, body), $"expected {wanted.ToJsonString()}\nactual   {body.ToJsonString()}");
        return HasSecurityHeaders();
    }

    /// <summary>Refused for its token, in the words that are the same whatever is wrong with it.</summary>
    public HttpAnswer IsProblem401() => HasHeader("WWW-Authenticate", "Bearer error=\"invalid_token\"").IsProblem(401, """
        {
          "detail": "The caller could not be authenticated.", "type": "urn:ed-fi:api:security:authentication", "title": "Authentication Failed",
          "errors": ["Invalid token"]
        }
        """);

    /// <summary>A failure whose body is empty.</summary>
    public HttpAnswer IsBare(int status)
    {
        Assert.True(Status == status, ToString());
        Assert.Equal("", Body);
        return HasSecurityHeaders();
    }

    public HttpAnswer Is(int status)
    {
        Assert.True(Status == status, ToString());
        return HasSecurityHeaders();
    }

    public HttpAnswer HasBody(string expected)
    {
        var wanted = JsonNode.Parse(expected);
        Assert.True(JsonNode.DeepEquals(wanted, Json), $"expected {wanted?.ToJsonString()}\nactual   {Body}");
        return this;
    }

    public HttpAnswer HasHeader(string name, string? expected)
    {
        Assert.True(expected == Header(name), $"{name}: expected {expected ?? "none"}, actual {Header(name) ?? "none"}");
        return this;
    }

    public override string ToString() => $"{Status} {string.Join(" | ", Headers.Select(h => $"{h.Key}: {h.Value}"))}\n{Body}";

    private HttpAnswer HasSecurityHeaders()
    {
        Assert.Equal("nosniff", Header("X-Content-Type-Options"));
        Assert.Equal("no-referrer", Header("Referrer-Policy"));
        Assert.Null(Header("Server"));
        return this;
    }
}
