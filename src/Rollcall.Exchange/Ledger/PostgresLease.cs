using System.Globalization;
using Npgsql;

namespace Rollcall.Exchange.Ledger;

/// <summary>One owner per profile of a ledger in PostgreSQL. The owner holds an advisory lock, which ends with its connection, so that a killed
/// run is succeeded at once; and a row that it renews, so that one cut off with its connection half open is succeeded when that ends. The row says
/// whether its owner has the lock, which one cut off may keep for a while: a lock that is free tells only then that the owner is gone. Every
/// write is fenced by the row's epoch: an owner that comes back late can write nothing.</summary>
internal sealed class PostgresLease(string connectionString) : IDisposable
{
    private static readonly TimeSpan Length = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan Renewal = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    private readonly NpgsqlConnection _connection = PostgresLedger.Connect(connectionString);
    private readonly CancellationTokenSource _stop = new();
    private long _profileId;
    private long _epoch;
    private long _renewedAt;
    private volatile bool _isLost;
    private Task _renewing = Task.CompletedTask;

    public TimeSpan Left => _isLost ? TimeSpan.Zero : Length - TimeProvider.System.GetElapsedTime(Interlocked.Read(ref _renewedAt));

    /// <exception cref="LedgerException">Another run has the profile.</exception>
    public void Take(long profileId)
    {
        _profileId = profileId;
        using var take = new NpgsqlCommand("""
            with free as (select pg_try_advisory_lock(1382239335, @profile::int) as is_free)
            insert into sync.lease as l(profile_id, owner, epoch, expires_at, has_lock)
            select @profile, @owner, 1, now() + @length, is_free from free
            where is_free or exists (select 1 from sync.lease where profile_id = @profile and expires_at <= now())
            on conflict(profile_id) do update set owner = excluded.owner, epoch = l.epoch + 1, expires_at = excluded.expires_at, has_lock = excluded.has_lock
            where excluded.has_lock and l.has_lock or l.expires_at <= now()
            returning l.epoch
            """, _connection);
        take.Parameters.AddWithValue("profile", profileId);
        take.Parameters.AddWithValue("owner", string.Create(CultureInfo.InvariantCulture, $"{Environment.MachineName}/{Environment.ProcessId}"));
        take.Parameters.AddWithValue("length", Length);

        // The lock of a run that was killed a moment ago ends when the server notices, which can take it a while.
        var asked = TimeProvider.System.GetTimestamp();
        var taken = take.ExecuteScalar();
        while (taken is not long && TimeProvider.System.GetElapsedTime(asked) < Patience)
        {
            _stop.Token.WaitHandle.WaitOne(50);
            taken = take.ExecuteScalar();
        }

        if (taken is not long epoch)
        {
            using var who = new NpgsqlCommand("select owner || ', until ' || to_char(expires_at at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') from sync.lease where profile_id = @profile", _connection);
            who.Parameters.AddWithValue("profile", profileId);
            throw new LedgerException($"another run has this profile of the ledger ({who.ExecuteScalar()}); wait until it has ended, or end it.", isBusy: true);
        }

        _epoch = epoch;
        Interlocked.Exchange(ref _renewedAt, TimeProvider.System.GetTimestamp());
        _renewing = Task.Run(() => RenewAsync(_stop.Token));
    }

    /// <summary>Called in the transaction that writes.</summary>
    /// <exception cref="LedgerException">Another run has taken over.</exception>
    public void Fence(NpgsqlConnection writer)
    {
        using var check = new NpgsqlCommand("select 1 from sync.lease where profile_id = $1 and epoch = $2 for share", writer);
        check.Parameters.Add(new() { Value = _profileId });
        check.Parameters.Add(new() { Value = _epoch });
        if (check.ExecuteScalar() is null)
        {
            throw new LedgerException("another run has taken over this profile of the ledger, so this one ends without writing any more.", isBusy: true);
        }
    }

    private async Task RenewAsync(CancellationToken cancellationToken)
    {
        using var timer = new PeriodicTimer(Renewal);
        try
        {
            while (await timer.WaitForNextTickAsync(cancellationToken))
            {
                var at = TimeProvider.System.GetTimestamp();
                await using var renew = new NpgsqlCommand("""
                    update sync.lease set expires_at = now() + $3, has_lock = has_lock or pg_try_advisory_lock(1382239335, $1::int) where profile_id = $1 and epoch = $2
                    """, _connection);
                renew.Parameters.Add(new() { Value = _profileId });
                renew.Parameters.Add(new() { Value = _epoch });
                renew.Parameters.Add(new() { Value = Length });
                if (await renew.ExecuteNonQueryAsync(cancellationToken) != 1)
                {
                    _isLost = true;
                    return;
                }

                Interlocked.Exchange(ref _renewedAt, at);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or NpgsqlException or InvalidOperationException)
        {
            // The lock ends with the connection: another may have the profile already.
            _isLost = true;
        }
    }

    public void Dispose()
    {
        _stop.Cancel();
        try
        {
            // A renewal that is under way ends first: a connection answers one statement at a time.
            if (_epoch > 0 && SpinWait.SpinUntil(() => _renewing.IsCompleted, TimeSpan.FromSeconds(1)))
            {
                // Without the lock nothing else tells that this one has ended.
                using var end = new NpgsqlCommand("update sync.lease set expires_at = now() where profile_id = $1 and epoch = $2 and not has_lock", _connection) { CommandTimeout = 2 };
                end.Parameters.Add(new() { Value = _profileId });
                end.Parameters.Add(new() { Value = _epoch });
                end.ExecuteNonQuery();
            }
        }
        catch (Exception e) when (e is NpgsqlException or InvalidOperationException)
        {
            // The row runs out by itself.
        }

        // The connection carries the lock; a renewal that is under way is cut off with it.
        _ = _renewing.ContinueWith(static _ => { }, TaskScheduler.Default);
        _connection.Dispose();
        _stop.Dispose();
    }
}
