using Rollcall.Exchange.Client;
using Rollcall.Standard.Model;

namespace Rollcall.Exchange.Delivery;

/// <summary>Documents of one resource that were refused for one cause.</summary>
/// <param name="Failure">Its message has no values in it.</param>
/// <param name="Samples">The first few, by the caller's tag and id.</param>
public sealed record RefusalCause(ApiFailure Failure, Settlement Settlement, long Count, IReadOnlyList<(long Tag, Guid Id)> Samples);

/// <summary>What became of the documents of one resource. <c>Offered = Created + Updated + Deleted + WouldSend + NotNeeded + Warned + Refused + Unsettled</c>.</summary>
public sealed record ResourceReport
{
    public required ResourceName Resource { get; init; }

    public required long Offered { get; init; }

    /// <summary>Answered 201.</summary>
    public required long Created { get; init; }

    /// <summary>Answered with another success; the API does not tell changed from unchanged.</summary>
    public required long Updated { get; init; }

    public required long Deleted { get; init; }

    public required long WouldSend { get; init; }

    /// <summary>The target was already as the write would have left it.</summary>
    public long NotNeeded { get; init; }

    public required long Warned { get; init; }

    public required long Refused { get; init; }

    /// <summary>How often a document was put aside until its prerequisite would be there.</summary>
    public required long HeldBack { get; init; }

    public required IReadOnlyList<RefusalCause> Causes { get; init; }

    /// <summary>Why its documents could not be read to the end; null when they were.</summary>
    public required ApiFailure? FeedFailure { get; init; }

    /// <summary>Taken from the feed, and without a final word when the run was stopped.</summary>
    public long Unsettled => Offered - Created - Updated - Deleted - WouldSend - NotNeeded - Warned - Refused;
}

/// <summary>The full account of a delivery.</summary>
/// <param name="StoppedBy">The failure that ended the run early; null when it went to its end.</param>
/// <param name="IsInterrupted">The user ended it.</param>
public sealed record DeliveryReport(IReadOnlyList<ResourceReport> Resources, ApiFailure? StoppedBy, bool IsInterrupted)
{
    public long Offered => Resources.Sum(r => r.Offered);

    public long Done => Resources.Sum(r => r.Created + r.Updated + r.Deleted + r.WouldSend + r.NotNeeded);

    public long Refused => Resources.Sum(r => r.Refused);

    public long Warned => Resources.Sum(r => r.Warned);

    public long Unsettled => Resources.Sum(r => r.Unsettled);

    /// <summary>Every document that there was is at the target.</summary>
    public bool IsClean => StoppedBy is null && !IsInterrupted && Refused == 0 && Unsettled == 0 && Resources.All(r => r.FeedFailure is null);
}
