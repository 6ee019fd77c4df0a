namespace Rollcall.Exchange.Client;

/// <summary>What became of one POST, PUT or DELETE.</summary>
/// <param name="Status">The HTTP status; 0 when there was no answer or nothing was sent.</param>
/// <param name="Id">The document's id as the API's <c>Location</c> gave it; null when it gave none.</param>
/// <param name="ETag">As sent, or null.</param>
/// <param name="Failure">Null when it succeeded. DELETE of a missing document is success.</param>
public readonly record struct WriteResult(int Status, Guid? Id, string? ETag, ApiFailure? Failure)
{
    /// <summary>Nothing had to be sent: the API is already as the write would have left it.</summary>
    public bool IsNotNeeded { get; init; }

    /// <summary>The body with which the API refused, when the client keeps it (<see cref="ClientOptions.KeepsRefusals"/>); for a remediation, never for a log.</summary>
    public ReadOnlyMemory<byte> Refusal { get; init; }

    public bool IsDone => Failure is null;

    /// <summary>Nothing was sent because the client only pretends.</summary>
    public bool IsDryRun => Failure is null && Status == 0;
}
