using Rollcall.Standard.Documents;
using Rollcall.Standard.Keys;

namespace Rollcall.Exchange.Ledger;

/// <summary>How an earlier version hashed what this build hashes too, so that a ledger of that version is compared with the source and not sent again.</summary>
/// <param name="Version">As the ledger's rows carry it, below <see cref="SyncLedger.HashVersion"/>.</param>
/// <param name="KeyOf">From the canonical texts of a natural key's values, as <see cref="Document.KeyTexts"/> has them.</param>
/// <param name="RecordOf">From the document as this build reads it.</param>
internal sealed record OlderHash(int Version, Func<IReadOnlyList<string>, KeyHash> KeyOf, Func<Document, RecordHash> RecordOf)
{
    /// <summary>Every version that a ledger may still carry. None yet: this build's is the first. Who changes a rule of
    /// <c>docs/formats/hash.md</c> raises <see cref="SyncLedger.HashVersion"/> and says here how the version before it hashed.</summary>
    public static IReadOnlyList<OlderHash> All { get; set; } = [];

    public OlderStamp Of(Document document) => new(Version, KeyOf(document.KeyTexts), RecordOf(document));
}

/// <summary>What an earlier version would have made of a row.</summary>
/// <param name="Record">Null when the row is no document.</param>
internal readonly record struct OlderStamp(int Version, KeyHash Key, RecordHash? Record);
