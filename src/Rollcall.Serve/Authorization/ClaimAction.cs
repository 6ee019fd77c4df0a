namespace Rollcall.Serve.Authorization;

/// <summary>What a claim set can grant on a resource. The names are those of the wire.</summary>
public enum ClaimAction
{
    Create,
    Read,
    Update,
    Delete,
    ReadChanges,
}
