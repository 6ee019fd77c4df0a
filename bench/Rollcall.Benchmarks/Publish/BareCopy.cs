using System.Globalization;
using System.Net.Http.Headers;
using System.Text.Json;
using System.Threading.Channels;

namespace Rollcall.Benchmarks.Publish;

/// <summary>The least that a client can do: read pages, cut them into documents, post each with so many requests in flight. No retry, no account.</summary>
internal static class BareCopy
{
    public static async Task RunAsync(string source, string target, int inFlight)
    {
        using var http = new HttpClient(new SocketsHttpHandler { MaxConnectionsPerServer = inFlight + 15 });
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", "t");
        var documents = Channel.CreateBounded<(string Path, byte[] Body)>(2000);
        var reading = Task.Run(async () =>
        {
            await Parallel.ForAsync(0, InstantEdFi.Resources, async (r, token) =>
            {
                var path = $"/data/v3/ed-fi/resource{r}s";
                for (var offset = 0; ; offset += 500)
                {
                    var page = await http.GetByteArrayAsync(source + path + string.Create(CultureInfo.InvariantCulture, $"?offset={offset}&limit=500"), token);
                    using var json = JsonDocument.Parse(page);
                    foreach (var document in json.RootElement.EnumerateArray())
                    {
                        await documents.Writer.WriteAsync((path, System.Text.Encoding.UTF8.GetBytes(document.GetRawText())), token);
                    }

                    if (json.RootElement.GetArrayLength() < 500)
                    {
                        return;
                    }
                }
            });
            documents.Writer.Complete();
        });
        await Task.WhenAll(Enumerable.Range(0, inFlight).Select(async _ =>
        {
            await foreach (var (path, body) in documents.Reader.ReadAllAsync())
            {
                using var content = new ByteArrayContent(body);
                content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
                using var answer = await http.PostAsync(target + path, content);
                answer.EnsureSuccessStatusCode();
            }
        }));
        await reading;
    }
}
