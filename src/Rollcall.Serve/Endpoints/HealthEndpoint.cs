using Microsoft.AspNetCore.Http;
using Rollcall.Serve.Storage;

namespace Rollcall.Serve.Endpoints;

/// <summary><c>/health</c>: 200 while every database answers, 503 when one does not. Anonymous; spelled and indented as monitors expect it.</summary>
internal sealed class HealthEndpoint(IReadOnlyList<IDocumentStore> databases)
{
    public async Task HandleAsync(HttpContext http)
    {
        var isHealthy = await IsHealthyAsync(http.RequestAborted);
        http.Response.StatusCode = isHealthy ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable;
        http.Response.Headers.CacheControl = "no-store";
        var status = isHealthy ? "Healthy" : "Unhealthy";
        await Responses.JsonAsync(
            http,
            json =>
            {
                json.WriteStartObject();
                json.WriteString("Status", status);
                json.WriteStartArray("Results");
                Result("ApplicationHealthCheck", "Healthy", "Application is up and running");
                Result("DbHealthCheck", status, isHealthy ? "Database connection is healthy." : "Database connection failed.");
                json.WriteEndArray();
                json.WriteEndObject();

                void Result(string name, string itsStatus, string description)
                {
                    json.WriteStartObject();
                    json.WriteString("Name", name);
                    json.WriteString("Status", itsStatus);
                    json.WriteString("Description", description);
                    json.WriteEndObject();
                }
            },
            isIndented: true);
    }

    private async ValueTask<bool> IsHealthyAsync(CancellationToken cancellationToken)
    {
        try
        {
            foreach (var documents in databases)
            {
                if (!await documents.IsHealthyAsync(cancellationToken))
                {
                    return false;
                }
            }

            return true;
        }
        catch (StoreUnavailableException)
        {
            return false;
        }
    }
}
