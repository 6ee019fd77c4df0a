using Rollcall.Exchange.Client;
using Rollcall.Exchange.Ledger;
using Rollcall.Exchange.Sync.Capture;
using Rollcall.Exchange.Sync.Mapping;
using Rollcall.Exchange.Sync.Sources;
using Rollcall.Standard.Model;

namespace Rollcall.Exchange.Sync;

/// <summary>Keeps the target as the source while the source changes: what a change names is looked at again in a new snapshot, through the same
/// queries and the same comparison as a complete run.</summary>
public sealed class SyncWatch(MappingFolder folder, DataStandard standard, SyncOptions options)
{
    private static readonly TimeSpan PauseMax = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan DueEvery = TimeSpan.FromMinutes(10);

    /// <summary>How often it is asked which tables the queries read: partitions come and go, views change.</summary>
    private static readonly TimeSpan TablesEvery = TimeSpan.FromSeconds(15);

    private readonly ChangesConfig _config = ChangeSources.Config(folder.Profile);
    private DateTimeOffset? _scannedAt;
    private long _dueAt;
    private bool _hasScanned;
    private string? _untold;

    private bool HasReplica => _config.Connection is not null && _config.Method != ChangeMethod.Poll && folder.Profile.Source.Provider == SisProvider.Postgres;

    /// <summary>Told of every run that sent something or found something wrong.</summary>
    public Action<SyncReport>? Reported { get; init; }

    /// <summary>Told when everything is as the source says for the first time, of a new ledger, and of trouble that passes.</summary>
    public Action<string>? Said { get; init; }

    /// <param name="isOnce">Ends when no change is left.</param>
    /// <exception cref="SisException">The source cannot be reached at the start; later it is waited for. The same for the target and the ledger.</exception>
    public async Task RunAsync(bool isOnce, CancellationToken cancellationToken)
    {
        var hasBegun = false;
        for (var pause = TimeSpan.FromSeconds(1); ;)
        {
            try
            {
                if (await ConnectedAsync(isOnce, () => (hasBegun, pause) = (true, TimeSpan.FromSeconds(1)), cancellationToken))
                {
                    return;
                }
            }
            catch (Exception e) when (hasBegun && !isOnce && e is SisException { IsUnavailable: true } or ApiException or LedgerException { IsBusy: true }
                or Npgsql.NpgsqlException or Microsoft.Data.Sqlite.SqliteException)
            {
                Said?.Invoke($"{e.Message.TrimEnd('.')}. Trying again in {pause.TotalSeconds:F0} s.");
                await Task.Delay(pause, cancellationToken);
                pause = pause * 2 < PauseMax ? pause * 2 : PauseMax;
            }
        }
    }

    /// <summary>Takes what watching leaves in a source out of it.</summary>
    public static Task RemoveAsync(MappingFolder folder, CancellationToken cancellationToken) => ChangeSources.RemoveAsync(folder.Profile, cancellationToken);

    /// <summary>False when the queries read other tables than those that are watched: the capture is opened anew, and everything is read.</summary>
    private async Task<bool> ConnectedAsync(bool isOnce, Action begun, CancellationToken cancellationToken)
    {
        // 1. The slot or the triggers first, then the first look: what changes from here on is told.
        ChangeRouter router;
        SyncSession session;
        await using (var first = await SyncRun.OpenSisAsync(folder, cancellationToken))
        {
            session = await SyncSession.OpenAsync(folder, standard, first, options, cancellationToken);
            try
            {
                router = await ChangeRouter.CreateAsync(session, first, cancellationToken);
            }
            catch
            {
                // Else the ledger's lock would stay with this process, and keep its next try out.
                session.Dispose();
                throw;
            }
        }

        using var _ = session;
        if (session.Ledger.IsNew)
        {
            Said?.Invoke(SyncReportText.NewLedger(session.Ledger.Name));
        }

        await using var changes = await ChangeSources.OpenAsync(folder.Profile, session.Ledger, router.Tables, cancellationToken);
        var run = new SyncRun(folder, standard, options with { Kind = "watch" });
        var isNew = session.Ledger.ConfigFingerprint is null || !session.Ledger.ConfigFingerprint.AsSpan().SequenceEqual(folder.Fingerprint);
        session.Ledger.BeginRun(null, "watch", options.Actor);
        begun();
        _scannedAt = LastScan.Of(session.Ledger);
        _dueAt = options.Time.GetTimestamp();
        var lookedAt = _dueAt;
        for (var isFirst = true; ; isFirst = false)
        {
            // 2. What has changed; a gap means that anything may have, until a scan has come to its end: in this process or in a later one.
            var batch = await changes.ReadAsync(cancellationToken);
            if (batch.IsGap)
            {
                LastScan.Owe(session.Ledger);
                _scannedAt = null;
            }

            if (isNew || _scannedAt is not { } at || (options.Time.GetUtcNow() - at).Duration() > _config.FullScanEvery)
            {
                await ScanAsync(session, run, cancellationToken);
                isNew = false;
            }

            if (isFirst)
            {
                Said?.Invoke("watching");
            }

            var isIdle = await LookAsync(session, run, router, changes, batch, cancellationToken);
            // A look at everything tells by itself whether anything is left; changes may come only after the first.
            if (isOnce && isIdle && batch is { Changes.Count: 0, IsCaughtUp: true } && (!isFirst || _config.Method == ChangeMethod.Poll))
            {
                return true;
            }

            if (_config.Method != ChangeMethod.Poll && options.Time.GetElapsedTime(lookedAt) > TablesEvery)
            {
                lookedAt = options.Time.GetTimestamp();
                if (!await ReadsAsBeforeAsync(session, router, cancellationToken))
                {
                    return false;
                }
            }
        }
    }

    private async Task<bool> ReadsAsBeforeAsync(SyncSession session, ChangeRouter router, CancellationToken cancellationToken)
    {
        IReadOnlySet<string> tables;
        try
        {
            await using var sis = await SyncRun.OpenSisAsync(folder, cancellationToken);
            tables = (await ChangeRouter.CreateAsync(session, sis, cancellationToken)).Tables;
        }
        catch (SisException e) when (!e.IsUnavailable)
        {
            // A view that is just being made anew: a query that stays broken ends the next look at its rows.
            if (e.Message != _untold)
            {
                _untold = e.Message;
                Said?.Invoke($"which tables the queries read cannot be told now: {e.Message.TrimEnd('.')}.");
            }

            return true;
        }

        if (tables.SetEquals(router.Tables))
        {
            return true;
        }

        // What a new table holds already, and what went with an old one, nobody has told.
        LastScan.Owe(session.Ledger);
        var names = tables.Except(router.Tables).Select(t => "+" + t).Concat(router.Tables.Except(tables).Select(t => "-" + t));
        Said?.Invoke($"the queries read other tables now ({string.Join(", ", names.Order(StringComparer.Ordinal))}): everything is read, and these are watched.");
        return false;
    }

    /// <summary>Sends what a batch concerns; true when that came to nothing.</summary>
    private async Task<bool> LookAsync(
        SyncSession session, SyncRun run, ChangeRouter router, IChangeSource changes, ChangeBatch batch, CancellationToken cancellationToken)
    {
        if (batch.ReplicaPosition is { } position && HasReplica)
        {
            await PostgresSis.WaitForAsync(folder.Profile.Source.Connection, position, cancellationToken);
        }

        ISisReader? asked = null;
        try
        {
            if (batch.Changes.Count > 0 || _config.Method == ChangeMethod.Poll)
            {
                asked = await SyncRun.OpenSisAsync(folder, cancellationToken);
                DirtyRows.Add(session.Ledger, await router.RouteAsync(batch.Changes, asked, cancellationToken));
                if (_config.Method == ChangeMethod.Poll)
                {
                    var (dirty, positions) = await Signatures.ChangedAsync(session, asked, _config.Overlap, cancellationToken);
                    DirtyRows.Add(session.Ledger, dirty, positions);
                }
            }

            // 3. Only what is durable here is confirmed there; in SQLite with no snapshot open, which may keep a writer waiting, ours too.
            if (batch.Position is { } confirmed)
            {
                if (asked is not null && folder.Profile.Source.Provider == SisProvider.Sqlite)
                {
                    await asked.DisposeAsync();
                    asked = null;
                }

                await changes.ConfirmAsync(confirmed, cancellationToken);
            }

            return await SendDirtyAsync(session, run, asked, cancellationToken);
        }
        finally
        {
            if (asked is not null)
            {
                await asked.DisposeAsync();
            }
        }
    }

    /// <summary>True when nothing was sent, or nothing of it taken.</summary>
    /// <param name="asked">A snapshot that is open already; it is younger than every change that the ledger knows of.</param>
    private async Task<bool> SendDirtyAsync(SyncSession session, SyncRun run, ISisReader? asked, CancellationToken cancellationToken)
    {
        var scopes = DirtyRows.Scopes(session);
        var isDue = options.Time.GetElapsedTime(_dueAt) > DueEvery;
        if (scopes.Count == 0 && !isDue)
        {
            return true;
        }

        await using var opened = asked is null ? await SyncRun.OpenSisAsync(folder, cancellationToken) : null;
        var sis = asked ?? opened!;
        var hasSent = false;
        if (scopes.Count > 0)
        {
            hasSent = await SendAsync(session, run, sis, scopes, cancellationToken);
            DirtyRows.Clear(session.Ledger);

            // 4. What waited for a document that is there now follows at once.
            for (var waiting = DirtyRows.Waiting(session, alsoDue: false); waiting.Count > 0; waiting = DirtyRows.Waiting(session, alsoDue: false))
            {
                if (!await SendAsync(session, run, sis, waiting, cancellationToken))
                {
                    break;
                }

                hasSent = true;
            }
        }

        if (isDue)
        {
            _dueAt = options.Time.GetTimestamp();
            hasSent |= await SendAsync(session, run, sis, DirtyRows.Waiting(session, alsoDue: true), cancellationToken);
        }

        return !hasSent;
    }

    private async Task ScanAsync(SyncSession session, SyncRun run, CancellationToken cancellationToken)
    {
        if (HasReplica)
        {
            // What changed before the capture was there is told by nobody: a replica that lags must show it to this scan.
            await PostgresSis.WaitForAsync(folder.Profile.Source.Connection, await PostgresSis.PositionAsync(_config.Connection!, cancellationToken), cancellationToken);
        }

        // Descriptors that were missing when this began may have been loaded since.
        await session.Target.RefreshAsync(standard, session.Templates, cancellationToken);
        await using var sis = await SyncRun.OpenSisAsync(folder, cancellationToken);
        session.Ledger.BeginRun(null, "run", options.Actor);
        var report = await run.RunAsync(session, sis, () => RunScope.Of(session, null), cancellationToken);
        if (report.StoppedBy is { } failure)
        {
            throw new ApiException(failure, failure.Message);
        }

        _scannedAt = LastScan.Done(session.Ledger);
        if (!_hasScanned || report.Outcome != SyncOutcome.NothingToDo)
        {
            Reported?.Invoke(report);
        }

        _hasScanned = true;
        session.Ledger.BeginRun(null, "watch", options.Actor);
    }

    /// <summary>Whether anything succeeded.</summary>
    private async Task<bool> SendAsync(
        SyncSession session, SyncRun run, ISisReader sis, Dictionary<ResourceModel, ResourceScope> scopes, CancellationToken cancellationToken)
    {
        if (scopes.Count == 0)
        {
            return false;
        }

        var report = await run.RunSomeAsync(session, sis, scopes, cancellationToken);
        if (report.StoppedBy is { } failure)
        {
            throw new ApiException(failure, failure.Message);
        }

        if (report.Outcome != SyncOutcome.NothingToDo)
        {
            Reported?.Invoke(report);
        }

        return report.Resources.Sum(r => r.Calls.Posted + r.Calls.Put + r.Calls.Deleted) > 0;
    }
}
