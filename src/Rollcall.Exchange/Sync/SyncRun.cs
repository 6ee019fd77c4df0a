using Rollcall.Exchange.Client;
using Rollcall.Exchange.Ledger;
using Rollcall.Exchange.Sync.Mapping;
using Rollcall.Exchange.Sync.Sources;
using Rollcall.Standard.Documents;
using Rollcall.Standard.Model;

namespace Rollcall.Exchange.Sync;

/// <summary>One sync of a mapping folder: Extract, Map, Stamp, Reconcile, then Apply. Nothing is sent before the whole plan stands,
/// so a source that fails half-way changes nothing.</summary>
public sealed class SyncRun(MappingFolder folder, DataStandard standard, SyncOptions options)
{
    private const int StampsPerBatch = 16_384;
    private readonly Findings _findings = new();
    private readonly Dictionary<ResourceModel, DocumentReader> _readers = [];

    public SyncProgress Progress { get; } = new();

    /// <exception cref="MappingException">The folder does not fit the source or the target.</exception>
    /// <exception cref="SisException">The source cannot be read to its end; nothing was sent.</exception>
    /// <exception cref="ApiException">The target cannot be reached; nothing was sent.</exception>
    /// <exception cref="LedgerException">The ledger is in use, or another target's.</exception>
    public async Task<SyncReport> RunAsync(CancellationToken cancellationToken)
    {
        var started = options.Time.GetTimestamp();
        var profile = folder.Profile;

        // 1. Both ends, before anything is written anywhere.
        Progress.Stage = "connecting";
        await using var sis = await OpenSisAsync(profile.Source, folder.Parameters, cancellationToken);
        var templates = await folder.CompileAsync(sis, cancellationToken);
        using var target = await SyncTarget.ConnectAsync(profile.Target, standard, templates, options.Client, cancellationToken);
        Progress.Target = target.Client;
        using var ledger = SyncLedger.Open(profile.LedgerPath, profile.Name, profile.Target.Url, profile.Target.SchoolYear, options.Time);
        ledger.Probe = options.Probe;
        using var plan = new PlanTable(ledger, target.Stages.Keys);
        var account = new ApplyAccount();
        var deliver = new Deliver(target.Client);
        ApiFailure? stoppedBy = null;
        var recovered = 0;
        if (!options.IsDryRun)
        {
            ledger.BeginRun(options.ApproveDeletes);

            // 2. Recover: what an interrupted run left in doubt is settled first.
            Progress.Stage = "recovering";
            recovered = Recover.Plan(ledger, target.Stages);
            stoppedBy = recovered == 0 ? null : await ApplyAsync(ledger, plan, target, deliver, account, _ => false, cancellationToken);
            plan.Clear();
        }

        // 3. Extract, map, stamp and reconcile every resource: the plan.
        var counts = new Dictionary<ResourceModel, ReconcileCounts>();
        foreach (var template in templates.OrderBy(t => target.Stages[t.Resource].Create).TakeWhile(_ => stoppedBy is null))
        {
            Progress.Stage = $"reading {template.Resource.Name.Endpoint}";
            counts[template.Resource] = await PlanAsync(sis, template, target, ledger, cancellationToken);
        }

        // 4. Guard: deletes that look like a broken extract wait for a person.
        var held = stoppedBy is null ? Hold(ledger, counts) : [];

        // 5. Apply: upserts in dependency order, then deletes in reverse.
        if (!options.IsDryRun && stoppedBy is null)
        {
            Progress.Stage = "sending";
            Progress.Plan(counts.Values.Sum(c => c.Posts + c.Puts + c.Deletes));
            stoppedBy = await ApplyAsync(ledger, plan, target, deliver, account, r => MayBeRenamed(templates, plan, counts, r), cancellationToken);
        }

        // 6. Report.
        var report = Report(plan, target, deliver, account, counts, held, recovered, stoppedBy) with { Elapsed = options.Time.GetElapsedTime(started) };
        if (!options.IsDryRun)
        {
            RunRecord.Write(ledger, report);
            ledger.EndRun(report.Outcome.ToString(), report.Requests, held.Count == 0 && stoppedBy is null ? folder.Fingerprint : null);
        }

        return report;
    }

    internal static async Task<ISisReader> OpenSisAsync(SourceConfig source, IReadOnlyDictionary<string, object> parameters, CancellationToken cancellationToken) =>
        source.Provider == SisProvider.Postgres
            ? await PostgresSis.OpenAsync(source.Connection, parameters, cancellationToken)
            : SqliteSis.Open(source.Connection, parameters);

    private async Task<ReconcileCounts> PlanAsync(
        ISisReader sis, DocumentTemplate template, SyncTarget target, SyncLedger ledger, CancellationToken cancellationToken)
    {
        var mapped = folder.Resources.Single(r => r.Model == template.Resource);
        using var reconcile = new Reconcile(ledger, template.Resource, mapped.File.KeyChange, target.Stages[template.Resource], _findings);
        var batch = new Stamp[StampsPerBatch];
        var filled = 0;
        await foreach (var stamps in Scan.StampsAsync(sis, template, ReaderOf(template.Resource), standard, target.Descriptors, _findings, cancellationToken))
        {
            Progress.Scan(stamps.Count);
            foreach (var stamp in stamps)
            {
                batch[filled++] = stamp;
                if (filled == batch.Length)
                {
                    reconcile.Add(batch, filled);
                    filled = 0;
                }
            }
        }

        reconcile.Add(batch, filled);
        reconcile.Finish(folder.DeletesOf(mapped));
        ledger.Probe?.Invoke("planned");
        return reconcile.Counts;
    }

    private List<HeldDeletes> Hold(SyncLedger ledger, Dictionary<ResourceModel, ReconcileCounts> counts)
    {
        var mappingChanged = ledger.ConfigFingerprint is { } before && !before.AsSpan().SequenceEqual(folder.Fingerprint);
        var shown = options.ApproveDeletes is null ? new Dictionary<long, long>() : Guard.HeldByLastRun(ledger);
        var held = new List<HeldDeletes>();
        foreach (var resource in folder.Resources)
        {
            var approved = shown.GetValueOrDefault(ledger.ResourceId(resource.Model.Name.ToString()));
            if (Guard.Check(ledger, resource, counts[resource.Model], folder.Profile.Deletes, folder.DeletesOf(resource), mappingChanged, approved) is { } hold)
            {
                held.Add(hold);
            }
        }

        return held;
    }

    /// <summary>Sends what is planned; null when the target stayed with us to the end.</summary>
    private async Task<ApiFailure?> ApplyAsync(
        SyncLedger ledger, PlanTable plan, SyncTarget target, Deliver deliver, ApplyAccount account, Func<ResourceModel, bool> isKept,
        CancellationToken cancellationToken)
    {
        await using var apply = new Apply(
            ledger, plan, deliver, account, Progress, target.Stages.ToDictionary(s => s.Key, s => -s.Value.Create), ReaderOf, target.Workers);
        try
        {
            apply.Local();
            await apply.UpsertsAsync(cancellationToken);
            await apply.DeletesAsync(isKept, cancellationToken);
            return null;
        }
        catch (ApiException e)
        {
            return e.Failure;
        }
    }

    /// <summary>Without source keys, a document whose row is gone may be one that could not be sent, under its old key.</summary>
    private static bool MayBeRenamed(
        IReadOnlyList<DocumentTemplate> templates, PlanTable plan, Dictionary<ResourceModel, ReconcileCounts> counts, ResourceModel resource) =>
        templates.Single(t => t.Resource == resource).SourceKeyColumn < 0
        && (counts[resource].Invalid + counts[resource].Waiting > 0
            || plan.Tally().Any(t => t.Resource == resource && t.Op == PlanOp.Post && t.State is PlanState.Failed or PlanState.Deferred or PlanState.Blocked));

    private DocumentReader ReaderOf(ResourceModel resource) =>
        _readers.TryGetValue(resource, out var reader) ? reader : _readers[resource] = DocumentReader.For(resource, standard);

    private SyncReport Report(
        PlanTable plan, SyncTarget target, Deliver deliver, ApplyAccount account, Dictionary<ResourceModel, ReconcileCounts> counts,
        List<HeldDeletes> held, int recovered, ApiFailure? stoppedBy)
    {
        var refusals = account.Close();
        var tally = plan.Tally().ToLookup(t => t.Resource);
        var resources = counts.OrderBy(c => target.Stages[c.Key].Create).ThenBy(c => c.Key.Name.Endpoint, StringComparer.Ordinal).Select(c => new SyncResourceReport
        {
            Resource = c.Key.Name,
            Plan = c.Value,
            Calls = account.Of(c.Key),
            Failed = c.Value.Waiting + tally[c.Key].Where(t => t.State is PlanState.Failed or PlanState.Deferred).Sum(t => t.Count),
            Blocked = tally[c.Key].Where(t => t.State == PlanState.Blocked && t.Op != PlanOp.Delete).Sum(t => t.Count),
            Held = held.FirstOrDefault(h => h.Resource == c.Key.Name),
        }).ToList();
        var findings = _findings.ToList();
        var (posts, puts, deletes) = deliver.Calls;
        return new SyncReport
        {
            Profile = folder.Profile.Name,
            Outcome = SyncReport.OutcomeOf(resources, findings, refusals, stoppedBy, posts + puts + deletes, options.IsDryRun),
            Resources = resources,
            Findings = findings,
            Refusals = refusals,
            Calls = (posts, puts, deletes),
            Requests = target.Client.Requests,
            Retries = target.Client.Retries,
            Recovered = recovered,
            UncheckedDescriptors = [.. target.Descriptors.Unreadable.Order(StringComparer.Ordinal)],
            StoppedBy = stoppedBy,
            IsDryRun = options.IsDryRun,
            Elapsed = default,
        };
    }
}
