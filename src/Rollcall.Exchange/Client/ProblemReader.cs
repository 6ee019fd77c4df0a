using System.Net;
using System.Text;
using System.Text.Json;

namespace Rollcall.Exchange.Client;

/// <summary>Turns an API's refusal into an <see cref="ApiFailure"/>: its class, and what it said with all values masked.</summary>
internal static class ProblemReader
{
    /// <param name="sent">The body that was refused; none of its values gets into the message.</param>
    public static ApiFailure Read(FailureStage stage, HttpResponseMessage response, ReadOnlyMemory<byte> answer, ReadOnlyMemory<byte> sent)
    {
        var status = (int)response.StatusCode;
        var (type, text, correlation) = Parse(answer);
        var kind = Classify(status, type, text, stage);
        var transient = kind is FailureKind.Timeout or FailureKind.Throttled or FailureKind.ServerError or FailureKind.Unavailable
            || type.EndsWith(":multi-user-conflict", StringComparison.Ordinal);
        var reach = kind == FailureKind.Authentication ? FailureReach.Run : FailureReach.Record;
        var message = text.Length > 0 ? MessageTemplate.Mask(text, sent) : Reason(response.StatusCode);
        if (status is >= 300 and < 400 && response.Headers.Location is { } location)
        {
            message = $"the API redirects to {(location.IsAbsoluteUri ? location.GetLeftPart(UriPartial.Authority) : "another path of its own")}; give the address that it redirects to";
        }

        return new ApiFailure(stage, reach, kind, transient, RetryAfter(response), status, type, message) { CorrelationId = correlation };
    }

    /// <summary>The failure that a network exception stands for; null when it is a bug of ours or the caller's own cancellation.</summary>
    public static ApiFailure? FromException(FailureStage stage, Exception exception, CancellationToken cancelledByCaller) => exception switch
    {
        OperationCanceledException when !cancelledByCaller.IsCancellationRequested =>
            new ApiFailure(stage, FailureReach.Record, FailureKind.Timeout, true, null, 0, "", "no answer in time"),
        HttpRequestException { HttpRequestError: HttpRequestError.NameResolutionError } =>
            new ApiFailure(stage, FailureReach.Run, FailureKind.Connection, true, null, 0, "", "the host's name is not known"),
        HttpRequestException { HttpRequestError: HttpRequestError.SecureConnectionError } =>
            new ApiFailure(stage, FailureReach.Run, FailureKind.Connection, false, null, 0, "", "no secure connection: is the certificate valid?"),
        HttpRequestException { HttpRequestError: HttpRequestError.ConnectionError } =>
            new ApiFailure(stage, FailureReach.Record, FailureKind.Connection, true, null, 0, "", "the connection was refused or could not be made"),
        HttpRequestException or HttpIOException or IOException =>
            new ApiFailure(stage, FailureReach.Record, FailureKind.Connection, true, null, 0, "", "the connection was lost"),
        _ => null,
    };

    public static ApiFailure Malformed(FailureStage stage, string what) =>
        new(stage, FailureReach.Run, FailureKind.Malformed, false, null, 0, "", what);

    private static FailureKind Classify(int status, string type, string text, FailureStage stage) => status switch
    {
        400 when stage == FailureStage.Authentication => FailureKind.Authentication,
        400 when type.EndsWith(":key-change-not-supported", StringComparison.Ordinal) => FailureKind.KeyChange,
        400 when text.Contains("reference could not be resolved", StringComparison.OrdinalIgnoreCase) => FailureKind.UnresolvedReference,
        400 => FailureKind.Invalid,
        401 => FailureKind.Authentication,
        403 => FailureKind.Forbidden,
        404 => FailureKind.NotFound,
        408 => FailureKind.Timeout,
        409 => Conflict(type, text),
        410 => FailureKind.Gone,
        412 => FailureKind.Precondition,
        429 => FailureKind.Throttled,
        500 => FailureKind.ServerError,
        501 => FailureKind.Other,
        > 501 => FailureKind.Unavailable,
        _ => FailureKind.Other,
    };

    private static FailureKind Conflict(string type, string text)
    {
        if (type.Contains("unresolved-reference", StringComparison.Ordinal))
        {
            return FailureKind.UnresolvedReference;
        }

        if (type.Contains("dependent-item-exists", StringComparison.Ordinal))
        {
            return FailureKind.DependentItem;
        }

        if (type.Contains("non-unique-identity", StringComparison.Ordinal) || type.Contains("identity-conflict", StringComparison.Ordinal))
        {
            return FailureKind.KeyConflict;
        }

        // ODS/API before 7.1 has no types: "The value supplied for the related 'x' resource does not exist."
        return type.Length == 0 && text.Contains("does not exist", StringComparison.OrdinalIgnoreCase)
            ? FailureKind.UnresolvedReference
            : FailureKind.Conflict;
    }

    private static string Reason(HttpStatusCode status) => $"HTTP {(int)status} without an explanation";

    private static TimeSpan? RetryAfter(HttpResponseMessage response)
    {
        if (response.Headers.RetryAfter is not { } asked)
        {
            return null;
        }

        var delay = asked.Delta ?? (asked.Date is { } date && response.Headers.Date is { } now ? date - now : null);
        return delay > TimeSpan.Zero ? delay : null;
    }

    /// <summary>The type and the telling part of problem details, an OAuth error, or an older API's <c>message</c>.</summary>
    private static (string Type, string Text, string? CorrelationId) Parse(ReadOnlyMemory<byte> answer)
    {
        try
        {
            using var json = JsonDocument.Parse(answer);
            if (json.RootElement.ValueKind != JsonValueKind.Object)
            {
                return ("", "", null);
            }

            var text = new StringBuilder();
            if (json.RootElement.TryGetProperty("validationErrors", out var byPath) && byPath.ValueKind == JsonValueKind.Object)
            {
                foreach (var path in byPath.EnumerateObject())
                {
                    Append(text, path.Value, path.Name + ": ");
                }
            }

            if (json.RootElement.TryGetProperty("errors", out var errors))
            {
                Append(text, errors, "");
            }

            foreach (var name in (ReadOnlySpan<string>)["detail", "message", "error_description", "error", "title"])
            {
                if (text.Length == 0 && json.RootElement.TryGetProperty(name, out var value))
                {
                    Append(text, value, "");
                }
            }

            var type = json.RootElement.TryGetProperty("type", out var t) && t.ValueKind == JsonValueKind.String ? t.GetString()! : "";
            var correlation = json.RootElement.TryGetProperty("correlationId", out var c) && c.ValueKind == JsonValueKind.String ? c.GetString() : null;
            return (type.StartsWith("urn:", StringComparison.Ordinal) && type.Length <= 200 ? type : "", text.ToString(), correlation is { Length: <= 100 } ? correlation : null);
        }
        catch (JsonException)
        {
            return ("", "", null);
        }
    }

    private static void Append(StringBuilder text, JsonElement value, string prefix)
    {
        if (value.ValueKind == JsonValueKind.Array)
        {
            foreach (var item in value.EnumerateArray())
            {
                Append(text, item, prefix);
            }
        }
        else if (value.ValueKind == JsonValueKind.String && text.Length < 2000)
        {
            text.Append(text.Length > 0 ? " " : "").Append(prefix).Append(value.GetString());
        }
    }
}
