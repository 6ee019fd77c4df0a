using System.Runtime.InteropServices;
using Rollcall.Exchange.Client;
using Rollcall.Exchange.Ledger;
using Rollcall.Exchange.Sync.Mapping;
using Rollcall.Exchange.Sync.Sources;
using Rollcall.Standard.Model;

namespace Rollcall.Exchange.Sync;

/// <summary>One sync of a mapping folder: Extract, Map, Stamp, Reconcile, then Apply. Nothing is sent before the whole plan stands,
/// so a source that fails half-way changes nothing.</summary>
public sealed class SyncRun(MappingFolder folder, DataStandard standard, SyncOptions options)
{
    /// <summary>Sorted, so several find theirs on each page of a large ledger. Four times as many took as much CPU, 60 MB more, and longer
    /// collections of garbage (200,000 documents).</summary>
    private const int StampsPerBatch = 16_384;

    private Findings _findings = new();
    private long _sourceTicks;

    public SyncProgress Progress { get; } = new();

    /// <exception cref="MappingException">The folder does not fit the source or the target.</exception>
    /// <exception cref="SisException">The source cannot be read to its end; nothing was sent.</exception>
    /// <exception cref="ApiException">The target cannot be reached; nothing was sent.</exception>
    /// <exception cref="LedgerException">The ledger is in use, or another target's.</exception>
    public async Task<SyncReport> RunAsync(CancellationToken cancellationToken)
    {
        Progress.Stage = "connecting";
        await using var sis = await OpenSisAsync(folder, cancellationToken);
        using var session = await SyncSession.OpenAsync(folder, standard, sis, options, cancellationToken);
        if (!options.IsDryRun || options.IsPlanKept)
        {
            session.Ledger.BeginRun(options.ApproveDeletes, options.Kind, options.Actor);
        }

        return await RunAsync(session, sis, () => RunScope.Of(session, options.Only), cancellationToken);
    }

    /// <summary>A look at some rows that makes no line of its own in the history of runs.</summary>
    internal Task<SyncReport> RunSomeAsync(
        SyncSession session, ISisReader sis, Dictionary<ResourceModel, ResourceScope> scopes, CancellationToken cancellationToken) =>
        RunAsync(session, sis, () => scopes, cancellationToken, isRecorded: false);

    /// <param name="sis">Closed when it has been read, unless this is a look at some rows.</param>
    /// <param name="scopeOf">What is read of each resource; asked once what was in doubt is settled.</param>
    internal async Task<SyncReport> RunAsync(
        SyncSession session, ISisReader sis, Func<Dictionary<ResourceModel, ResourceScope>> scopeOf, CancellationToken cancellationToken, bool isRecorded = true)
    {
        var started = options.Time.GetTimestamp();
        using var trace = ExchangeTelemetry.Traces.StartActivity("sync");
        _findings = new Findings();
        _sourceTicks = 0;
        var (target, ledger) = (session.Target, session.Ledger);
        Progress.Target = target.Client;
        var requestsBefore = target.Client.Requests;
        using var plan = new PlanTable(ledger, target.Stages.Keys);
        plan.Clear();
        var account = new ApplyAccount();
        var deliver = new Deliver(target.Client, options.Log);
        ApiFailure? stoppedBy = null;
        var recovered = 0;
        if (!options.IsDryRun)
        {
            // 1. Recover: what an interrupted run left in doubt is settled first.
            Progress.Stage = "recovering";
            recovered = Recover.Plan(ledger, target.Stages);
            if (recovered > 0)
            {
                SyncLog.Recovering(options.Log, recovered);
            }

            stoppedBy = recovered == 0 ? null : await ApplyAsync(session, plan, deliver, account, false, _ => false, cancellationToken);
            plan.Clear();
        }

        // 2. Extract, map, stamp and reconcile every resource: the plan.
        var counts = new Dictionary<ResourceModel, ReconcileCounts>();
        var scopes = scopeOf();
        var isComplete = options.Only is null && scopes.Count == session.Templates.Count && scopes.Values.All(s => s.Filter is null);
        foreach (var template in session.Templates.Where(t => scopes.ContainsKey(t.Resource)).TakeWhile(_ => stoppedBy is null))
        {
            Progress.Stage = $"reading {template.Resource.Name.Endpoint}";
            if (!options.IsDryRun)
            {
                await Ownership.NoteAsync(session, template.Resource, options.IsFresh, cancellationToken);
            }

            counts[template.Resource] = await PlanAsync(session, sis, template, scopes[template.Resource], cancellationToken);
        }

        if (isComplete && stoppedBy is null)
        {
            await SourceRules.CheckAsync(folder, sis, _findings, cancellationToken);
        }

        if (isRecorded)
        {
            // Sending may take hours, for which the source need not keep its snapshot.
            await sis.DisposeAsync();
        }

        // 3. Guard: deletes that look like a broken extract wait for a person.
        var held = stoppedBy is null ? Hold(session, counts) : [];
        if (options.IsPlanKept)
        {
            StoredPlan.Keep(ledger, folder.Fingerprint);
        }

        // 4. Apply: upserts in dependency order, then deletes in reverse.
        if (!options.IsDryRun && stoppedBy is null)
        {
            Progress.Stage = "sending";
            Progress.Plan(counts.Values.Sum(c => c.Posts + c.Puts + c.Deletes));
            stoppedBy = await ApplyAsync(session, plan, deliver, account, !isComplete, MayBeRenamed(plan), cancellationToken);
        }

        // 5. Report.
        var report = Report(session, plan, deliver, account, counts, held, recovered, stoppedBy) with
        {
            Elapsed = options.Time.GetElapsedTime(started),
            SourceElapsed = TimeSpan.FromTicks(_sourceTicks),
            Requests = target.Client.Requests - requestsBefore,
        };
        trace?.SetTag("rollcall.outcome", report.Outcome.ToString()).SetTag("rollcall.posts", report.Calls.Posts).SetTag("rollcall.puts", report.Calls.Puts)
            .SetTag("rollcall.deletes", report.Calls.Deletes);
        if (isRecorded && (!options.IsDryRun || options.IsPlanKept))
        {
            RunRecord.Write(ledger, report, _findings, scopes.Where(s => s.Value.Filter is null).Select(s => s.Key.Name).ToHashSet());
            ledger.EndRun(
                options.IsPlanKept ? held.Count > 0 ? "PlanHeld" : "Planned" : report.Outcome.ToString(), report.Requests,
                isComplete && held.Count == 0 && stoppedBy is null && !options.IsPlanKept ? folder.Fingerprint : null);
            ledger.Prune(folder.Profile.Audit.KeepDays);
        }

        return report;
    }

    internal static async Task<ISisReader> OpenSisAsync(MappingFolder folder, CancellationToken cancellationToken)
    {
        var (source, parameters) = (folder.Profile.Source, folder.Parameters);
        return source.Provider switch
        {
            SisProvider.Postgres => await PostgresSis.OpenAsync(source.Connection, parameters, cancellationToken),
            SisProvider.Sqlite => SqliteSis.Open(source.Connection, parameters),
            SisProvider.Ado => await AdoSis.OpenAsync(source.AdoProvider!, SqlDialect.Find(source.Dialect)!, source.Connection, parameters, cancellationToken),
            _ => FilesSis.Open(source.Connection, parameters),
        };
    }

    private async Task<ReconcileCounts> PlanAsync(
        SyncSession session, ISisReader sis, DocumentTemplate template, ResourceScope scope, CancellationToken cancellationToken)
    {
        using var trace = ExchangeTelemetry.Traces.StartActivity("plan");
        var mapped = session.Mapped(template.Resource);
        using var reconcile = new Reconcile(session.Ledger, template.Resource, mapped.File.KeyChange, session.Target.Stages[template.Resource], _findings)
        {
            IsResend = options.Only?.IsResend == true,
            IgnoresWaits = options.Only is not null,
        };
        if (scope.Filter is null || !await PlanSomeAsync(session, sis, template, scope, reconcile, cancellationToken))
        {
            var batch = new List<Stamp>();
            await foreach (var stamps in StampsAsync(session, sis, template, null, cancellationToken))
            {
                batch.AddRange(stamps);
                if (batch.Count >= StampsPerBatch)
                {
                    reconcile.Add(CollectionsMarshal.AsSpan(batch));
                    batch.Clear();
                }
            }

            reconcile.Add(CollectionsMarshal.AsSpan(batch));
            // Who asks for a part to be sent again does not ask for deletes.
            reconcile.Finish(options.Only is null ? session.Folder.DeletesOf(mapped) : DeletePolicy.Never);
        }

        session.Ledger.Probe?.Invoke("planned");
        var all = reconcile.Counts;
        trace?.SetTag("rollcall.resource", template.Resource.Name.Path).SetTag("rollcall.read", all.Scanned).SetTag("rollcall.unchanged", all.Same)
            .SetTag("rollcall.posts", all.Posts).SetTag("rollcall.puts", all.Puts).SetTag("rollcall.deletes", all.Deletes).SetTag("rollcall.invalid", all.Invalid + all.Duplicates);
        SyncLog.Planned(options.Log, template.Resource.Name.Endpoint, all.Scanned, all.Same, all.Posts, all.Puts, all.Deletes, all.Invalid + all.Duplicates);
        return reconcile.Counts;
    }

    /// <summary>Some rows, and the rows whose documents they turn out to take over: two rows that swap their keys are looked at together. False, with
    /// nothing planned, when the resource must be read to its end because some of them had a key twice.</summary>
    private async Task<bool> PlanSomeAsync(
        SyncSession session, ISisReader sis, DocumentTemplate template, ResourceScope scope, Reconcile reconcile, CancellationToken cancellationToken)
    {
        var all = new List<Stamp>();
        var asked = new HashSet<string>(StringComparer.Ordinal);
        for (var filter = scope.Filter; filter is not null;)
        {
            if (filter.Column == "@source_key")
            {
                asked.UnionWith(filter.Values);
            }

            var from = all.Count;
            await foreach (var stamps in StampsAsync(session, sis, template, filter, cancellationToken))
            {
                all.AddRange(stamps);
            }

            asked.UnionWith(all.Skip(from).Where(s => !s.SourceKey.IsEmpty).Select(s => System.Text.Encoding.UTF8.GetString(s.SourceKey.Span)));
            var others = all.Skip(from).Where(s => s.Key is not null).Select(s => reconcile.SourceKeyOf(s)).OfType<string>()
                .Where(k => !asked.Contains(k)).ToHashSet(StringComparer.Ordinal);
            filter = others.Count > 0 && template.SourceKeyColumn >= 0 ? new RowFilter("@source_key", others) : null;
        }

        if (all.Any(s => s.Key is not null && reconcile.WasDuplicate(s)))
        {
            _findings.Drop(template.Resource.Name);
            reconcile.Resent = all.Where(s => s.Key is not null).Select(s => s.Key!.Value.Value).ToHashSet();
            return false;
        }

        foreach (var batch in all.Chunk(StampsPerBatch))
        {
            reconcile.Add(batch);
        }

        reconcile.FinishSome(asked, scope.RowsWereTouched ? session.Folder.DeletesOf(session.Mapped(template.Resource)) : null);
        return true;
    }

    private async IAsyncEnumerable<List<Stamp>> StampsAsync(
        SyncSession session, ISisReader sis, DocumentTemplate template, RowFilter? filter,
        [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var started = options.Time.GetTimestamp();
        await foreach (var stamps in Scan.StampsAsync(
            sis, template, filter, session.ReaderOf(template.Resource), standard, session.Target.Descriptors, _findings,
            session.Ledger.OlderIn(session.Ledger.ResourceId(template.Resource.Name.ToString())), cancellationToken))
        {
            Progress.Scan(stamps.Count);
            if (ExchangeTelemetry.Rows.Enabled)
            {
                ExchangeTelemetry.Rows.Add(stamps.Count, new KeyValuePair<string, object?>("resource", template.Resource.Name.Path));
            }

            yield return stamps;
        }

        _sourceTicks += options.Time.GetElapsedTime(started).Ticks;
    }

    private List<HeldDeletes> Hold(SyncSession session, Dictionary<ResourceModel, ReconcileCounts> counts)
    {
        var ledger = session.Ledger;
        var mappingChanged = ledger.ConfigFingerprint is { } before && !before.AsSpan().SequenceEqual(folder.Fingerprint);
        var shown = options.ApproveDeletes is null ? new Dictionary<long, long>() : Guard.HeldByLastRun(ledger);
        var held = new List<HeldDeletes>();
        foreach (var resource in folder.Resources.Where(r => counts.ContainsKey(r.Model)))
        {
            var approved = shown.GetValueOrDefault(ledger.ResourceId(resource.Model.Name.ToString()));
            if (Guard.Check(
                ledger, resource, counts[resource.Model], folder.Profile.Deletes, folder.DeletesOf(resource), mappingChanged,
                Ownership.IsFilled(ledger, resource.Model), approved) is { } hold)
            {
                SyncLog.Held(options.Log, resource.Model.Name.Endpoint, hold.Count, hold.Reason);
                held.Add(hold);
            }
        }

        return held;
    }

    /// <summary>Sends what is planned; null when the target stayed with us to the end.</summary>
    private async Task<ApiFailure?> ApplyAsync(
        SyncSession session, PlanTable plan, Deliver deliver, ApplyAccount account, bool asksLedger, Func<ResourceModel, bool> isKept,
        CancellationToken cancellationToken)
    {
        using var trace = ExchangeTelemetry.Traces.StartActivity("apply");
        var target = session.Target;
        await using var apply = new Apply(
            session.Ledger, plan, deliver, account, Progress, target.Stages.ToDictionary(s => s.Key, s => -s.Value.Create), session.ReaderOf, target.Workers)
        {
            AsksLedger = asksLedger,
            IsOpenedLater = r => target.Stages.TryGetValue(r, out var stages) && stages.Update > stages.Create,
        };
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

    /// <summary>Without source keys, a document whose row is gone may be one that could not be sent, under its old key. Deletes come last, so what is
    /// true of a resource at its first stays true.</summary>
    private static Func<ResourceModel, bool> MayBeRenamed(PlanTable plan)
    {
        var known = new Dictionary<ResourceModel, bool>();
        return resource => known.TryGetValue(resource, out var isSo) ? isSo : known[resource] = plan.HasUnsentWithoutSourceKey(resource);
    }

    /// <summary>Carries out a plan that <c>plan</c> has kept in the ledger.</summary>
    /// <exception cref="LedgerException">There is none, or something has run since.</exception>
    public async Task<SyncReport> ApplyAsync(CancellationToken cancellationToken)
    {
        var started = options.Time.GetTimestamp();
        using var trace = ExchangeTelemetry.Traces.StartActivity("sync");
        Progress.Stage = "connecting";
        await using var sis = await OpenSisAsync(folder, cancellationToken);
        using var session = await SyncSession.OpenAsync(folder, standard, sis, options, cancellationToken);
        await sis.DisposeAsync();
        var (target, ledger) = (session.Target, session.Ledger);
        Progress.Target = target.Client;
        using var plan = new PlanTable(ledger, target.Stages.Keys);
        var kept = StoredPlan.Load(ledger, folder.Fingerprint, options.ApproveDeletes is not null);
        ledger.BeginRun(options.ApproveDeletes, "apply", options.Actor);
        var counts = StoredPlan.Counts(ledger, plan, kept);
        var account = new ApplyAccount();
        var deliver = new Deliver(target.Client, options.Log);
        Progress.Stage = "sending";
        Progress.Plan(counts.Values.Sum(c => c.Posts + c.Puts + c.Deletes));
        foreach (var resource in counts.Keys)
        {
            await Ownership.NoteAsync(session, resource, options.IsFresh, cancellationToken);
        }

        var stoppedBy = await ApplyAsync(session, plan, deliver, account, true, MayBeRenamed(plan), cancellationToken);
        var held = StoredPlan.Held(ledger, plan, kept);
        var report = Report(session, plan, deliver, account, counts, held, 0, stoppedBy) with { Elapsed = options.Time.GetElapsedTime(started) };
        StoredPlan.Drop(ledger);
        RunRecord.Write(ledger, report, null, new HashSet<ResourceName>());
        ledger.EndRun(report.Outcome.ToString(), report.Requests, held.Count == 0 && stoppedBy is null ? folder.Fingerprint : null);
        return report;
    }

    private SyncReport Report(
        SyncSession session, PlanTable plan, Deliver deliver, ApplyAccount account, Dictionary<ResourceModel, ReconcileCounts> counts,
        List<HeldDeletes> held, int recovered, ApiFailure? stoppedBy)
    {
        var target = session.Target;
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
            Verb = options.Kind,
            Run = session.Ledger.RunId,
            NewLedger = session.Ledger.IsNew ? session.Ledger.Name : null,
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
