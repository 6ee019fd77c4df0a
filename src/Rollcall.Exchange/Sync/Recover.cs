using Rollcall.Exchange.Ledger;
using Rollcall.Standard.Model;

namespace Rollcall.Exchange.Sync;

/// <summary>Turns the intents that an earlier run left without an answer into calls. Repeating them is harmless: POST is an upsert by
/// natural key, PUT names its document by id, DELETE of what is gone is success.</summary>
internal static class Recover
{
    /// <summary>Fills the plan with what is in doubt; returns how many calls that makes.</summary>
    /// <param name="stages">Where each resource stands in dependency order; what belongs to none of them is left for a run that has it.</param>
    public static int Plan(SyncLedger ledger, IReadOnlyDictionary<ResourceModel, (int Create, int Update)> stages)
    {
        var planned = 0;
        using var find = ledger.Db.Prepare("""
            select d.natural_key_hash, d.intent_op, d.intent_key_hash, d.intent_record_hash, d.doc_id, d.edfi_id, d.source_key, p.body
            from doc d left join doc_payload p on p.profile_id = d.profile_id and p.doc_id = d.doc_id
            where d.profile_id = ?1 and d.resource_id = ?2 and d.intent_op is not null
            """);
        using var add = ledger.Db.Prepare("""
            insert into work.plan(resource_id, op, stage, state, key_hash, other_key, record_hash, doc_id, edfi_id, source_key, body, in_doubt)
            values(?1, ?2, ?3, 0, ?4, ?5, ?6, ?7, ?8, ?9, ?10, 1)
            """);
        ledger.Db.Execute("begin");
        foreach (var (resource, (create, update)) in stages)
        {
            find.Bind(1, ledger.ProfileId).Bind(2, (long)ledger.ResourceId(resource.Name.ToString()));
            while (find.Step())
            {
                var op = (IntentOp)find.Long(1);
                var isRekeyed = op == IntentOp.KeyChange;
                add.Bind(1, (long)ledger.ResourceId(resource.Name.ToString())).Bind(2, (long)op)
                    .Bind(3, (long)(op == IntentOp.Delete ? -create : op == IntentOp.Post ? create : update)).BindBlob(4, find.Blob(isRekeyed ? 2 : 0));
                _ = isRekeyed ? add.BindBlob(5, find.Blob(0)) : add.BindNull(5);
                _ = op == IntentOp.Delete ? add.BindNull(6) : add.BindBlob(6, find.Blob(3));
                add.Bind(7, find.Long(4));
                _ = find.IsNull(5) ? add.BindNull(8) : add.BindBlob(8, find.Blob(5));
                _ = find.IsNull(6) ? add.BindNull(9) : add.BindText(9, find.Blob(6));
                _ = find.IsNull(7) ? add.BindNull(10) : add.BindBlob(10, find.Blob(7));
                add.Run();
                planned++;
            }

            find.Reset();
        }

        ledger.Db.Execute("commit");
        return planned;
    }
}
