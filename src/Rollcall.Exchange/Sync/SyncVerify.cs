using Rollcall.Exchange.Client;
using Rollcall.Exchange.Ledger;
using Rollcall.Exchange.Sync.Mapping;
using Rollcall.Standard.Model;

namespace Rollcall.Exchange.Sync;

/// <summary>How far one resource at the target has drifted from what the ledger says was sent.</summary>
/// <param name="Missing">Acknowledged once, and not there any more.</param>
/// <param name="Changed">There, but not as it was sent, or under another id.</param>
/// <param name="Foreign">There, and not ours; never touched.</param>
public sealed record VerifiedResource(ResourceName Resource, long Same, long Missing, long Changed, long Foreign);

/// <summary>Compares the target with the ledger: the recovery test, for documents that somebody has deleted or edited behind our back.</summary>
public sealed class SyncVerify(MappingFolder folder, DataStandard standard, SyncOptions options)
{
    public SyncProgress Progress { get; } = new();

    /// <param name="repairs">Makes the ledger say what the target holds, so that the run that follows sends what is missing or changed.</param>
    /// <exception cref="ApiException">The target cannot be read.</exception>
    public async Task<IReadOnlyList<VerifiedResource>> RunAsync(bool repairs, CancellationToken cancellationToken)
    {
        Progress.Stage = "connecting";
        await using var sis = await SyncRun.OpenSisAsync(folder, cancellationToken);
        using var session = await SyncSession.OpenAsync(folder, standard, sis, options, cancellationToken);
        Progress.Target = session.Target.Client;
        var done = new List<VerifiedResource>();
        session.Ledger.BeginRun(null, "verify", options.Actor);
        foreach (var template in session.Templates)
        {
            Progress.Stage = $"comparing {template.Resource.Name.Endpoint}";
            done.Add(await CompareAsync(session, template.Resource, repairs, cancellationToken));
        }

        session.Ledger.EndRun(done.Sum(r => r.Missing + r.Changed) == 0 ? "Done" : "Different", session.Target.Client.Requests, null);
        return done;
    }

    private static async Task<VerifiedResource> CompareAsync(SyncSession session, ResourceModel resource, bool repairs, CancellationToken cancellationToken)
    {
        var ledger = session.Ledger;
        var id = (long)ledger.ResourceId(resource.Name.ToString());
        using var find = ledger.Db.Prepare("""
            select doc_id, full_record_hash, edfi_id from doc where profile_id = ?1 and resource_id = ?2 and natural_key_hash = ?3 and full_record_hash is not null
            """);
        var seen = new SeenSet();
        var (same, changed, foreign) = (0L, 0L, 0L);
        var differing = new List<(UInt128 Key, HeldDocument Held)>();
        using var older = new HashUpgrade(ledger, id);
        await foreach (var held in TargetContents.ReadAsync(session, resource, cancellationToken))
        {
            // A row that an older version hashed is found by what that version would have made of the document.
            var before = held.Older.Where(o => older.Find(held.Key, o) is not null).Cast<OlderStamp?>().FirstOrDefault();
            var key = before is { } stamp ? older.Find(held.Key, stamp)!.Value : held.Key.Value;
            if (!find.Bind(1, ledger.ProfileId).Bind(2, id).Bind(3, key).Step())
            {
                foreign++;
            }
            else if (seen.Add(find.Long(0)))
            {
                // Under another id it is a document that somebody has made anew: a DELETE by the old one would miss it.
                if ((find.Hash(1) == held.Record.Value || find.Hash(1) == before?.Record?.Value) && (find.IsNull(2) || find.Id(2) == held.Id))
                {
                    same++;
                }
                else
                {
                    changed++;
                    differing.Add((key, held));
                }
            }

            find.Reset();
        }

        // 2. What was not read is asked for by its id, so that a row that moved between two pages is no alarm.
        var missing = new List<UInt128>();
        using (var all = ledger.Db.Prepare("select doc_id, natural_key_hash, edfi_id from doc where profile_id = ?1 and resource_id = ?2 and full_record_hash is not null and intent_op is null"))
        {
            for (all.Bind(1, ledger.ProfileId).Bind(2, id); all.Step();)
            {
                if (!seen.Contains(all.Long(0)) && (all.IsNull(2) || await IsGoneAsync(session, resource, all.Id(2), cancellationToken)))
                {
                    missing.Add(all.Hash(1));
                }
            }
        }

        if (repairs && missing.Count + differing.Count > 0)
        {
            using var lost = ledger.Db.Prepare("update doc set full_record_hash = null, edfi_id = null where profile_id = ?1 and resource_id = ?2 and natural_key_hash = ?3");
            using var other = ledger.Db.Prepare("update doc set full_record_hash = ?4, edfi_id = ?5 where profile_id = ?1 and resource_id = ?2 and natural_key_hash = ?3");
            ledger.Commit(() =>
            {
                missing.ForEach(k => lost.Bind(1, ledger.ProfileId).Bind(2, id).Bind(3, k).Run());
                differing.ForEach(d => other.Bind(1, ledger.ProfileId).Bind(2, id).Bind(3, d.Key).Bind(4, d.Held.Record.Value).Bind(5, d.Held.Id).Run());
            });
        }

        return new VerifiedResource(resource.Name, same, missing.Count, changed, foreign);
    }

    private static async Task<bool> IsGoneAsync(SyncSession session, ResourceModel resource, Guid id, CancellationToken cancellationToken)
    {
        var answer = await session.Target.Client.GetAsync(resource.Name, id, cancellationToken);
        using (answer.Body)
        {
            return answer.Failure is { } failure && (failure.Kind == FailureKind.NotFound
                ? true
                : throw new ApiException(failure, $"{resource.Name} cannot be read: {failure.Message}"));
        }
    }
}
