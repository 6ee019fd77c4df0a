using Rollcall.Exchange.Client;
using Rollcall.Exchange.Ledger;
using Rollcall.Exchange.Sync.Mapping;
using Rollcall.Standard.Model;

namespace Rollcall.Exchange.Sync;

/// <summary>What <c>adopt</c> found of one resource.</summary>
/// <param name="Known">In the ledger already.</param>
/// <param name="Foreign">At the target, and the source has no row for them: left alone, unless all was asked for.</param>
public sealed record AdoptedResource(ResourceName Resource, long Adopted, long Known, long Foreign);

/// <summary>Fills the ledger from a target that is full already, so that the next run sends what differs and can delete what is gone.
/// A document is taken when a row of the source has its natural key.</summary>
public sealed class SyncAdopt(MappingFolder folder, DataStandard standard, SyncOptions options)
{
    private const int RowsPerCommit = 5_000;

    public SyncProgress Progress { get; } = new();

    /// <summary>What there is to say of the ledger; null when it knew the profile before.</summary>
    public string? Said { get; private set; }

    /// <param name="takesForeign">Take every document of the mapped resources: the source owns them all.</param>
    /// <exception cref="ApiException">The target cannot be read.</exception>
    public async Task<IReadOnlyList<AdoptedResource>> RunAsync(bool takesForeign, CancellationToken cancellationToken)
    {
        Progress.Stage = "connecting";
        await using var sis = await SyncRun.OpenSisAsync(folder, cancellationToken);
        using var session = await SyncSession.OpenAsync(folder, standard, sis, options, cancellationToken);
        var ledger = session.Ledger;
        Said = ledger.IsNew ? SyncReportText.NewLedger(ledger.Name) : null;
        Progress.Target = session.Target.Client;
        ledger.BeginRun(null, "adopt", options.Actor);
        var done = new List<AdoptedResource>();
        foreach (var template in session.Templates)
        {
            Progress.Stage = $"reading {template.Resource.Name.Endpoint}";
            var ours = new HashSet<UInt128>();
            await foreach (var stamps in Scan.StampsAsync(
                sis, template, null, session.ReaderOf(template.Resource), standard, session.Target.Descriptors, new Findings(), [], cancellationToken))
            {
                Progress.Scan(stamps.Count);
                ours.UnionWith(stamps.Where(s => s.Key is not null).Select(s => s.Key!.Value.Value));
            }

            var (adopted, known, foreign) = (0L, 0L, 0L);
            using var has = ledger.Db.Prepare("select 1 from doc where profile_id = ?1 and resource_id = ?2 and natural_key_hash = ?3 and edfi_id is not null");
            using var add = ledger.Db.Prepare($"""
                insert into doc(profile_id, resource_id, natural_key_hash, doc_id, full_record_hash, edfi_id, status, hash_version, changed_at)
                values(?1, ?2, ?3, ?4, ?5, ?6, {(int)DocStatus.Synced}, {SyncLedger.HashVersion}, ?7)
                on conflict do update set full_record_hash = excluded.full_record_hash, edfi_id = excluded.edfi_id, status = excluded.status
                """);
            var id = (long)ledger.ResourceId(template.Resource.Name.ToString());
            using var older = new HashUpgrade(ledger, id);
            var page = new List<HeldDocument>();
            void Commit()
            {
                ledger.Commit(() =>
                {
                    foreach (var held in page)
                    {
                        add.Bind(1, ledger.ProfileId).Bind(2, id).Bind(3, held.Key.Value).Bind(4, ledger.NextDocId()).Bind(5, held.Record.Value).Bind(6, held.Id)
                            .Bind(7, ledger.NowMilliseconds()).Run();
                    }
                });
                page.Clear();
            }

            await foreach (var held in TargetContents.ReadAsync(session, template.Resource, cancellationToken))
            {
                var isKnown = has.Bind(1, ledger.ProfileId).Bind(2, id).Bind(3, held.Key.Value).Step();
                has.Reset();
                isKnown = isKnown || held.Older.Any(o => older.Find(held.Key, o) is not null);
                if (isKnown)
                {
                    known++;
                }
                else if (!takesForeign && !ours.Contains(held.Key.Value))
                {
                    foreign++;
                }
                else
                {
                    adopted++;
                    page.Add(held);
                    if (page.Count == RowsPerCommit)
                    {
                        Commit();
                    }
                }
            }

            Commit();
            Ownership.Set(ledger, template.Resource, Ownership.Adopted);
            done.Add(new AdoptedResource(template.Resource.Name, adopted, known, foreign));
        }

        ledger.EndRun("Done", session.Target.Client.Requests, null);
        return done;
    }
}
