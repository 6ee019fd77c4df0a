using System.Buffers.Binary;

namespace Rollcall.Exchange.Ledger;

/// <summary>Removes what the ledger keeps of one child, for those who have the right to be forgotten: bodies, the trail and rows named in
/// findings; and, when asked, the line itself, so that the document is nobody's any more.</summary>
public static class LedgerForget
{
    /// <param name="keyHashes">Natural keys, hashed.</param>
    /// <param name="sourceKey">Or the SIS row, or the document's id at the target, or a hash.</param>
    /// <param name="alsoLines">Forget also that the document is at the target: it is neither updated nor deleted any more unless its row is read again.</param>
    /// <returns>How many documents it was about; a row that is named in findings and never became one counts as one.</returns>
    public static int Run(SyncLedger ledger, string? resource, string sourceKey, IReadOnlyCollection<UInt128> keyHashes, bool alsoLines)
    {
        if (Guid.TryParse(sourceKey, out var id))
        {
            keyHashes = [.. keyHashes, BinaryPrimitives.ReadUInt128BigEndian(id.ToByteArray(bigEndian: true))];
        }

        var found = new List<(long Resource, UInt128 Key, long Doc, string? SourceKey)>();
        var only = resource is null ? (long?)null : ledger.ResourceId(resource);
        using (var find = ledger.Db.Prepare("select resource_id, natural_key_hash, doc_id, source_key, edfi_id from doc where profile_id = ?1"))
        {
            for (find.Bind(1, ledger.ProfileId); find.Step();)
            {
                var source = find.IsNull(3) ? null : find.Text(3);
                if ((only is null || only == find.Long(0)) && (source == sourceKey || keyHashes.Contains(find.Hash(1)) || (!find.IsNull(4) && keyHashes.Contains(find.Hash(4)))))
                {
                    found.Add((find.Long(0), find.Hash(1), find.Long(2), source));
                }
            }
        }

        foreach (var (resourceId, _, doc, _) in found)
        {
            ledger.LoadMore("change_log", FormattableString.Invariant($"resource_id = {resourceId} and doc_id = {doc}"));
        }

        using var payload = ledger.Db.Prepare("delete from doc_payload where profile_id = ?1 and doc_id = ?2 and not exists(select 1 from doc d where d.profile_id = ?1 and d.doc_id = ?2 and d.intent_op is not null)");
        using var trail = ledger.Db.Prepare("delete from change_log where profile_id = ?1 and resource_id = ?2 and doc_id = ?3");
        using var rows = ledger.Db.Prepare("delete from finding_row where profile_id = ?1 and (?2 is null or resource_id = ?2) and source_key = ?3");
        // A plan that was read and not applied has the bodies too, also of a document that was never sent.
        using var planned = ledger.Db.Prepare("delete from stored_plan where profile_id = ?1 and (?2 is null or resource_id = ?2) and (key_hash = ?3 or other_key = ?3)");
        using var plannedRow = ledger.Db.Prepare("delete from stored_plan where profile_id = ?1 and (?2 is null or resource_id = ?2) and source_key = ?3");
        using var line = ledger.Db.Prepare("delete from doc where profile_id = ?1 and resource_id = ?2 and natural_key_hash = ?3 and intent_op is null");
        var named = 0;
        ledger.Commit(() =>
        {
            // A row without a readable key has no document, but may be named in findings.
            rows.Bind(1, ledger.ProfileId).Bind(2, only).BindText(3, sourceKey).Run();
            named = ledger.Db.Changes;
            plannedRow.Bind(1, ledger.ProfileId).Bind(2, only).BindText(3, sourceKey).Run();
            foreach (var key in found.Select(f => f.Key).Concat(keyHashes).Distinct())
            {
                planned.Bind(1, ledger.ProfileId).Bind(2, only).Bind(3, key).Run();
            }

            foreach (var (resourceId, key, doc, source) in found)
            {
                payload.Bind(1, ledger.ProfileId).Bind(2, doc).Run();
                trail.Bind(1, ledger.ProfileId).Bind(2, resourceId).Bind(3, doc).Run();
                rows.Bind(1, ledger.ProfileId).Bind(2, resourceId).BindText(3, source).Run();
                if (alsoLines)
                {
                    line.Bind(1, ledger.ProfileId).Bind(2, resourceId).Bind(3, key).Run();
                }
            }
        });
        return found.Count == 0 && named > 0 ? 1 : found.Count;
    }
}
