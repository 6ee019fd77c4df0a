namespace Rollcall.Exchange.Ledger;

/// <summary>One line of the audit trail: a call that was answered.</summary>
/// <param name="Key">Hash of the natural key.</param>
/// <param name="Before">Hash of the document that the target had acknowledged before; null for none.</param>
/// <param name="After">The same afterwards.</param>
public sealed record TrailLine(
    string At, long Run, string Resource, string Call, int Http, string? Id, string? Key, string? Before, string? After, string? Actor, long? ErrorGroup);
