using System.Globalization;
using System.Text.Json;
using Rollcall.Exchange.Client;

namespace Rollcall.Exchange.Publish;

/// <summary>The change versions that a run is about, both ends included.</summary>
/// <param name="Lower">1 for everything that there is.</param>
public sealed record ChangeWindow(long Lower, long Upper)
{
    /// <summary>Nothing has changed since the last run.</summary>
    public bool IsEmpty => Lower > Upper;

    /// <summary>The target has had earlier changes: keys may have changed and documents may be gone since.</summary>
    public bool HasHistory => Lower > 1;

    /// <summary>Query fields, each with its ampersand. What was there before change versions were has 0, so a window from the start has no lower bound.</summary>
    public string Filter => FilterOf(Lower, Upper);

    internal static string FilterOf(long lower, long upper) => string.Create(
        CultureInfo.InvariantCulture, $"{(lower > 1 ? $"&minChangeVersion={lower}" : "")}&maxChangeVersion={upper}");

    /// <summary>The window in pieces of so many versions; together they are the window, its last version included.</summary>
    public IEnumerable<ChangeWindow> Slices(long size)
    {
        for (var lower = Lower; lower <= Upper; lower += size)
        {
            yield return new ChangeWindow(lower, Math.Min(lower + size - 1, Upper));
        }
    }

    /// <summary>The source's newest change version; null where it has no change queries.</summary>
    /// <exception cref="ApiException">It should have them, and does not answer as it should.</exception>
    public static async Task<long?> NewestAsync(EdFiClient source, CancellationToken cancellationToken)
    {
        var answer = await source.ReadAsync(new Uri(source.Api.ChangeQueries, "availableChangeVersions"), cancellationToken);
        using (answer.Body)
        {
            if (answer.Failure is { } failure)
            {
                return failure.Kind is FailureKind.NotFound ? null : throw new ApiException(
                    failure with { Reach = FailureReach.Run }, $"{source.Connection} does not tell its change versions: {failure.Message}");
            }

            try
            {
                using var json = JsonDocument.Parse(answer.Body.Bytes);
                foreach (var member in json.RootElement.EnumerateObject())
                {
                    if (member.Name.Equals("newestChangeVersion", StringComparison.OrdinalIgnoreCase))
                    {
                        return member.Value.ValueKind == JsonValueKind.String
                            ? long.Parse(member.Value.GetString()!, NumberStyles.None, CultureInfo.InvariantCulture)
                            : member.Value.GetInt64();
                    }
                }
            }
            catch (Exception exception) when (exception is JsonException or InvalidOperationException or FormatException)
            {
                throw Unfit(source, exception);
            }

            throw Unfit(source, null);
        }
    }

    private static ApiException Unfit(EdFiClient source, Exception? inner) => new(
        ProblemReader.Malformed(FailureStage.Read, "availableChangeVersions names no newestChangeVersion"),
        $"{source.Connection} answers availableChangeVersions without newestChangeVersion.", inner);
}
