using System.Text.Json;
using Rollcall.Exchange.Client;
using Rollcall.Standard.Model;

namespace Rollcall.Exchange.Publish;

/// <summary>Makes the source stand still while it is read: by the header of version 7, or by a named snapshot of versions 5.2 to 6.</summary>
public static class Isolation
{
    /// <returns>A client whose reads see one moment.</returns>
    /// <exception cref="ApiException">The source has no snapshot; the message says what it is for and how to go on without.</exception>
    public static async Task<EdFiClient> RequireAsync(EdFiClient source, IEnumerable<ResourceName> resources, CancellationToken cancellationToken)
    {
        if (source.Api.Major < 7)
        {
            return source.WithReadHeader("Snapshot-Identifier", await NewestSnapshotAsync(source, cancellationToken));
        }

        // First what begins a run: a server may have kept the moment of our last one, or remember its end. What is wrong here is seen below.
        var frozen = source.WithReadHeader("Use-Snapshot", "true");
        var begun = await frozen.ReadAsync(new Uri(source.Api.ChangeQueries, "availableChangeVersions"), cancellationToken);
        begun.Body.Dispose();
        foreach (var resource in resources)
        {
            var answer = await frozen.QueryAsync(resource, "?offset=0&limit=1", cancellationToken);
            answer.Body.Dispose();
            if (answer.Failure is null or { Kind: FailureKind.Forbidden })
            {
                return frozen;
            }

            if (answer.Failure.Kind is not (FailureKind.NotFound or FailureKind.Gone))
            {
                throw new ApiException(answer.Failure, $"{source.Connection} cannot be read: {answer.Failure.Message.TrimEnd('.')}.");
            }

            // Is it the snapshot that is missing, or only this resource?
            var plain = await source.QueryAsync(resource, "?offset=0&limit=1", cancellationToken);
            plain.Body.Dispose();
            if (plain.Failure is null)
            {
                throw None(source, answer.Failure);
            }
        }

        return frozen;
    }

    /// <summary>What the user may count on.</summary>
    public static string Statement(EdFiClient source, bool isFrozen) => isFrozen
        ? "The source is read from a snapshot: all documents are of one moment, as far as the source keeps it."
        : "The source is read without a snapshot: a document that changes during the run arrives as it was or as it is, and one that is created or deleted "
            + "meanwhile may be missing or remain. With a change window the next run brings it; without one only another full run does.";

    private static async Task<string> NewestSnapshotAsync(EdFiClient source, CancellationToken cancellationToken)
    {
        var answer = await source.ReadAsync(new Uri(source.Api.ChangeQueries, "snapshots"), cancellationToken);
        using (answer.Body)
        {
            if (answer.Failure is { } failure)
            {
                throw None(source, failure);
            }

            try
            {
                using var json = JsonDocument.Parse(answer.Body.Bytes);
                return json.RootElement.EnumerateArray()
                    .OrderByDescending(s => s.GetProperty("snapshotDateTime").GetString(), StringComparer.Ordinal)
                    .Select(s => s.GetProperty("snapshotIdentifier").GetString()!)
                    .First();
            }
            catch (Exception exception) when (exception is JsonException or InvalidOperationException or KeyNotFoundException)
            {
                throw None(source, new ApiFailure(
                    FailureStage.Read, FailureReach.Run, FailureKind.NotFound, false, null, answer.Status, "", "the API has no snapshot"));
            }
        }
    }

    private static ApiException None(EdFiClient source, ApiFailure failure) => new(
        failure with { Reach = FailureReach.Run },
        $"{source.Connection} has no snapshot, so it would be read while others change it: what is changed, created or deleted during the run may arrive or not. "
        + "If that is all right, pass --ignoreIsolation=true.");
}
