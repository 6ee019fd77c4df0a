using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;

namespace Rollcall.Benchmarks.Api;

/// <summary>The API under load: where it is, and a token for it.</summary>
/// <param name="DataPath">The path of the data base, <c>/data/v3</c>.</param>
public sealed record ApiTarget(string Host, int Port, string DataPath, string Token)
{
    public string Origin => $"http://{Host}:{Port}";

    public static async Task<ApiTarget> OpenAsync(string url, string key, string secret)
    {
        using var http = new HttpClient();
        using var discovery = JsonDocument.Parse(await http.GetByteArrayAsync(new Uri(url)));
        var urls = discovery.RootElement.GetProperty("urls");
        var data = new Uri(urls.GetProperty("dataManagementApi").GetString()!);
        using var request = new HttpRequestMessage(HttpMethod.Post, urls.GetProperty("oauth").GetString())
        {
            Content = new FormUrlEncodedContent([new("grant_type", "client_credentials")]),
        };
        request.Headers.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{key}:{secret}")));
        using var response = await http.SendAsync(request);
        response.EnsureSuccessStatusCode();
        using var token = JsonDocument.Parse(await response.Content.ReadAsByteArrayAsync());
        return new ApiTarget(data.Host == "localhost" ? "127.0.0.1" : data.Host, data.Port, data.AbsolutePath.TrimEnd('/'), token.RootElement.GetProperty("access_token").GetString()!);
    }

    /// <summary>A request as it goes over the wire.</summary>
    public byte[] Bytes(string method, string path, string? body) => Encoding.ASCII.GetBytes(
        $"{method} {DataPath}{path} HTTP/1.1\r\nHost: {Host}:{Port}\r\nAuthorization: Bearer {Token}\r\n"
        + (body is null ? "\r\n" : $"Content-Type: application/json\r\nContent-Length: {body.Length}\r\n\r\n{body}"));

    /// <summary>Documents of a resource, as the server counts them.</summary>
    public async Task<long> CountAsync(string resource)
    {
        using var http = Client();
        using var response = await http.GetAsync(new Uri($"{Origin}{DataPath}/ed-fi/{resource}?limit=0&totalCount=true"));
        response.EnsureSuccessStatusCode();
        return long.Parse(response.Headers.GetValues("Total-Count").Single(), System.Globalization.CultureInfo.InvariantCulture);
    }

    public async Task<long> NewestChangeVersionAsync()
    {
        using var http = Client();
        using var json = JsonDocument.Parse(await http.GetByteArrayAsync(new Uri($"{Origin}/changeQueries/v1/availableChangeVersions")));
        return json.RootElement.GetProperty("newestChangeVersion").GetInt64();
    }

    private HttpClient Client()
    {
        var http = new HttpClient();
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", Token);
        return http;
    }
}
