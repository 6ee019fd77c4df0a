using Rollcall.Exchange.Ledger;
using Rollcall.Standard.Keys;

namespace Rollcall.Exchange.Sync;

/// <summary>What reconciling needs to know of a row: the hashes of its document, its SIS key, and the body in case it must be sent.</summary>
/// <param name="Key">Null when the row is invalid and not even its natural key is known.</param>
/// <param name="Record">Meaningless when the row is invalid.</param>
/// <param name="SourceKey">UTF-8; empty when the query has no <c>@source_key</c>.</param>
/// <param name="Body">Empty when the row is invalid.</param>
internal readonly record struct Stamp(KeyHash? Key, RecordHash Record, ReadOnlyMemory<byte> SourceKey, ReadOnlyMemory<byte> Body, bool IsValid)
{
    /// <summary>The hashes that older versions would have given; null unless the ledger still has rows of theirs.</summary>
    public IReadOnlyList<OlderStamp>? Older { get; init; }
}
