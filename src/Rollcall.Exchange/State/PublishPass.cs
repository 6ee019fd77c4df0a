namespace Rollcall.Exchange.State;

/// <summary>The three passes of a publish, in their order.</summary>
public enum PublishPass
{
    KeyChanges = 1,
    Upserts = 2,
    Deletes = 3,
}
