using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Rollcall.Exchange.Client;
using Rollcall.Exchange.Delivery;
using Rollcall.Standard.Model;

namespace Rollcall.Exchange.Publish.Remediation;

/// <summary>Sends upserts, and asks the user's script what to do about those that are refused: other requests first, another body, or the same again.</summary>
internal sealed class RemediatingWriter(EdFiClient target, RemediationScript script, PublishOptions options)
{
    private readonly ConcurrentDictionary<string, long> _faults = new();
    private long _remedied;

    /// <summary>Documents that were accepted after the script had its say.</summary>
    public long Remedied => Interlocked.Read(ref _remedied);

    /// <summary>What went wrong in the script, with how often.</summary>
    public IEnumerable<string> Faults => _faults.OrderBy(f => f.Key, StringComparer.Ordinal)
        .Select(f => string.Create(CultureInfo.InvariantCulture, $"remediation: {f.Key} ({f.Value:N0} times)."));

    public async Task<WriteResult> SendAsync(ResourceName resource, OutgoingDocument document, CancellationToken cancellationToken)
    {
        var body = document.Body;
        var result = await target.UpsertAsync(resource, body, cancellationToken);
        for (var attempt = 1; result.Failure is { Reach: not FailureReach.Run } failure && attempt <= options.Retry.RetriesMax; attempt++)
        {
            var function = string.Create(CultureInfo.InvariantCulture, $"{resource.Path}/{failure.Status}");
            if (!script.Functions.Contains(function) || script.IsGivenUp)
            {
                return result;
            }

            var answer = await script.CallAsync(function, Context(resource, body, result), cancellationToken);
            if (answer.Fault is { } fault)
            {
                Note($"{function}: {fault}");
                return result;
            }

            if (answer.Plan is { } plan)
            {
                await SendAdditionalAsync(function, plan, cancellationToken);
                body = plan["modifiedRequestBody"] is { } modified ? Bytes(modified) : body;
            }

            result = await target.UpsertAsync(resource, body, cancellationToken);
            if (result.Failure is null)
            {
                Interlocked.Increment(ref _remedied);
            }
            else if (answer.Plan is null)
            {
                // The same again, and the script knows nothing else.
                return result;
            }
        }

        return result;
    }

    private async Task SendAdditionalAsync(string function, JsonObject plan, CancellationToken cancellationToken)
    {
        foreach (var request in plan["additionalRequests"] as JsonArray ?? [])
        {
            if (request?["resource"]?.ToString() is { } path && ResourceName.TryParse(path) is { } other && request["body"] is { } body)
            {
                var result = await target.UpsertAsync(other, Bytes(body), cancellationToken);
                if (result.Failure is { } failure)
                {
                    Note(string.Create(CultureInfo.InvariantCulture, $"{function}: an additional request to {other} was refused with {failure.Status}"));
                }
            }
            else
            {
                Note($"{function}: an additional request names no resource, or has no body");
            }
        }
    }

    private JsonObject Context(ResourceName resource, ReadOnlyMemory<byte> body, WriteResult result) => new()
    {
        ["resourceUrl"] = resource.Path,
        ["requestBody"] = Encoding.UTF8.GetString(body.Span),
        ["responseStatusCode"] = result.Status,
        ["responseBody"] = Encoding.UTF8.GetString(result.Refusal.Span),
        ["sourceConnectionName"] = options.SourceName,
        ["targetConnectionName"] = options.TargetName,
    };

    /// <summary>A body may be an object or its text.</summary>
    private static byte[] Bytes(JsonNode body) =>
        Encoding.UTF8.GetBytes(body.GetValueKind() == JsonValueKind.String ? body.GetValue<string>() : body.ToJsonString());

    private void Note(string fault) => _faults.AddOrUpdate(fault, 1, static (_, n) => n + 1);
}
