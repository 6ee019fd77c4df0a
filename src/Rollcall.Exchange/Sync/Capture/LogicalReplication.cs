using System.Globalization;
using System.Threading.Channels;
using Npgsql;
using Npgsql.Replication;
using Npgsql.Replication.PgOutput;
using Npgsql.Replication.PgOutput.Messages;
using NpgsqlTypes;
using Rollcall.Exchange.Sync.Mapping;
using Rollcall.Exchange.Sync.Sources;

namespace Rollcall.Exchange.Sync.Capture;

/// <summary>PostgreSQL's logical replication (pgoutput): one slot and one publication per profile, of the mapped tables only. What is not
/// confirmed comes again after a restart.</summary>
/// <remarks>A slot keeps the write-ahead log of its server until it is confirmed. So that it moves on while none of the mapped tables
/// changes, a message of no content is written now and then and confirmed like a change.</remarks>
internal sealed class LogicalReplication : IChangeSource
{
    private const int ChangesMax = 20_000;
    private const string Message = "select pg_logical_emit_message(true, 'rollcall', '')";
    private static readonly TimeSpan Heartbeat = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(250);

    private readonly NpgsqlConnection _control;
    private readonly LogicalReplicationConnection _stream;
    private readonly CancellationTokenSource _stop = new();
    private readonly Channel<Committed> _commits = Channel.CreateBounded<Committed>(1000);
    private readonly Task _pump;
    private readonly NpgsqlLogSequenceNumber _opened;
    private bool _isNew;
    private bool _isCaughtUp;
    private long _beatAt;
    private int _unread;

    private readonly record struct Committed(NpgsqlLogSequenceNumber End, string Transaction, IReadOnlyList<TableChange> Changes);

    /// <param name="opened">Of a message that was written after the slot was there: once it has come back, so has everything before it.</param>
    private LogicalReplication(NpgsqlConnection control, LogicalReplicationConnection stream, string name, bool isNew, NpgsqlLogSequenceNumber opened)
    {
        (_control, _stream, _isNew, _opened) = (control, stream, isNew, opened);
        _pump = Task.Run(() => PumpAsync(name));
    }

    /// <param name="owe">Called before anything is made: from then on the source does not show any more that changes were missed.</param>
    /// <exception cref="SisException">The server cannot be reached, has no logical replication, or does not let us use it.</exception>
    /// <exception cref="MappingException">A query reads what cannot be published.</exception>
    public static async Task<LogicalReplication> OpenAsync(string connection, string name, IEnumerable<string> tables, Action owe, CancellationToken cancellationToken)
    {
        var settings = new NpgsqlConnectionStringBuilder(connection) { Pooling = false, ApplicationName = "rollcall sync watch", KeepAlive = 15 };
        var control = new NpgsqlConnection(settings.ConnectionString);
        LogicalReplicationConnection? stream = null;
        try
        {
            await control.OpenAsync(cancellationToken);
            var isNew = await PublishAsync(control, name, await PostgresOutbox.FullNamesAsync(control, tables), owe);
            if (await PostgresOutbox.ScalarAsync(control, $"select wal_status from pg_replication_slots where slot_name = '{name}'") is "lost")
            {
                await PostgresOutbox.RunAsync(control, $"select pg_drop_replication_slot('{name}')");
            }

            if (await PostgresOutbox.ScalarAsync(control, $"select 1 from pg_replication_slots where slot_name = '{name}'") is null)
            {
                // Waits for every transaction that is open now; so long as one is, nothing can be missed and nothing is sent.
                isNew = true;
                owe();
                await PostgresOutbox.RunAsync(control, $"select pg_create_logical_replication_slot('{name}', 'pgoutput')");
            }

            stream = new LogicalReplicationConnection(settings.ConnectionString) { WalReceiverStatusInterval = TimeSpan.FromSeconds(1) };
            await stream.Open(cancellationToken);
            var opened = (string)(await PostgresOutbox.ScalarAsync(control, Message + "::text"))!;
            return new LogicalReplication(control, stream, name, isNew, NpgsqlLogSequenceNumber.Parse(opened));
        }
        catch (Exception e)
        {
            await control.DisposeAsync();
            if (stream is not null)
            {
                await stream.DisposeAsync();
            }

            if (e is NpgsqlException or System.Net.Sockets.SocketException)
            {
                throw new SisException(
                    $"logical replication cannot be used: {(e is PostgresException p ? p.MessageText : e.Message)}. It needs wal_level = logical, a role with REPLICATION, and ownership of the tables.",
                    isUnavailable: true, e);
            }

            throw;
        }
    }

    public async Task<ChangeBatch> ReadAsync(CancellationToken cancellationToken)
    {
        var isGap = _isNew;
        _isNew = false;
        var changes = new List<TableChange>();
        var transactions = new List<string>();
        NpgsqlLogSequenceNumber? end = null;
        using (var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken))
        {
            patience.CancelAfter(isGap ? TimeSpan.Zero : Patience);
            try
            {
                if (!await _commits.Reader.WaitToReadAsync(patience.Token))
                {
                    throw new SisException("the replication stream has ended", isUnavailable: true);
                }
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                // Nothing has happened; the caller looks at its clock.
            }
            catch (Exception e) when (IsEnd(e))
            {
                throw Ended(e);
            }
        }

        while (changes.Count < ChangesMax && _commits.Reader.TryRead(out var commit))
        {
            changes.AddRange(commit.Changes);
            Interlocked.Add(ref _unread, -commit.Changes.Count);
            end = commit.End;
            _isCaughtUp |= commit.End >= _opened;
            if (commit.Changes.Count > 0)
            {
                transactions.Add(commit.Transaction);
            }
        }

        try
        {
            await UntilVisibleAsync(transactions, cancellationToken);
            if (TimeProvider.System.GetElapsedTime(_beatAt) > Heartbeat)
            {
                _beatAt = TimeProvider.System.GetTimestamp();
                await PostgresOutbox.RunAsync(_control, Message);
            }
        }
        catch (Exception e) when (IsEnd(e))
        {
            throw Ended(e);
        }

        return new ChangeBatch(end?.ToString(), changes, isGap, changes.Count > 0 ? end?.ToString() : null, _isCaughtUp);
    }

    public async Task ConfirmAsync(string position, CancellationToken cancellationToken)
    {
        try
        {
            _stream.SetReplicationStatus(NpgsqlLogSequenceNumber.Parse(position));
            await _stream.SendStatusUpdate(cancellationToken);
        }
        catch (Exception e) when (IsEnd(e))
        {
            throw Ended(e);
        }
    }

    /// <summary>A commit is told when it is in the log, a moment before others see it: until then its transaction holds the lock on its own number.</summary>
    private async Task UntilVisibleAsync(List<string> transactions, CancellationToken cancellationToken)
    {
        var sql = $"""
            select exists(select 1 from pg_locks where locktype = 'transactionid' and mode = 'ExclusiveLock' and granted and transactionid::text in ({string.Join(", ", transactions.Select(t => $"'{t}'"))}))
            """;
        while (transactions.Count > 0 && await PostgresOutbox.ScalarAsync(_control, sql) is true)
        {
            await Task.Delay(5, cancellationToken);
        }
    }

    /// <summary>Npgsql says of a connection that is gone that it is not open.</summary>
    private static bool IsEnd(Exception e) => e is NpgsqlException or IOException or InvalidOperationException;

    private static SisException Ended(Exception e) =>
        new($"the replication stream has ended: {(e is PostgresException p ? p.MessageText : e.Message)}", isUnavailable: true, e);

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _pump.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _stream.DisposeAsync();
        await _control.DisposeAsync();
        _stop.Dispose();
    }

    /// <summary>Makes the publication that of exactly these tables; true when it has grown, so that changes may have been missed.</summary>
    private static async Task<bool> PublishAsync(NpgsqlConnection control, string name, IReadOnlyList<string> tables, Action owe)
    {
        // PostgreSQL refuses updates of a published table that cannot say which row it was: it would be the SIS's own that fail.
        var anonymous = await PostgresOutbox.NamesAsync(control, """
            with recursive published(id) as (
              select to_regclass(t)::oid from unnest($1) t union select i.inhrelid from pg_inherits i join published p on p.id = i.inhparent)
            select format('%I.%I', n.nspname, c.relname) from published p join pg_class c on c.oid = p.id join pg_namespace n on n.oid = c.relnamespace
            where c.relkind = 'r' and (c.relreplident = 'n'
              or c.relreplident = 'd' and not exists (select 1 from pg_index x where x.indrelid = c.oid and x.indisprimary and x.indimmediate)) order by 1
            """, tables);
        if (anonymous.Count > 0)
        {
            throw new MappingException(
                $"changes.method logical: PostgreSQL would refuse updates and deletes of {string.Join(", ", anonymous)}: give it a primary key, or: alter table {anonymous[0]} replica identity full.");
        }

        var known = new HashSet<string>(StringComparer.Ordinal);
        await using (var read = new NpgsqlCommand($"select format('%I.%I', schemaname, tablename) from pg_publication_tables where pubname = '{name}'", control))
        await using (var reader = await read.ExecuteReaderAsync())
        {
            while (await reader.ReadAsync())
            {
                known.Add(reader.GetString(0));
            }
        }

        if (known.SetEquals(tables))
        {
            return false;
        }

        var hasGrown = !tables.All(known.Contains);
        if (hasGrown)
        {
            owe();
        }

        var exists = await PostgresOutbox.ScalarAsync(control, $"select 1 from pg_publication where pubname = '{name}'") is not null;
        await PostgresOutbox.RunAsync(control, $"{(exists ? "alter" : "create")} publication {name} {(exists ? "set" : "for")} table {string.Join(", ", tables)}");
        return hasGrown;
    }

    private async Task PumpAsync(string name)
    {
        try
        {
            var options = new PgOutputReplicationOptions(name, PgOutputProtocolVersion.V1, messages: true);
            var changes = new TransactionChanges();
            var transaction = "";
            await foreach (var message in _stream.StartReplication(new PgOutputReplicationSlot(name), options, _stop.Token))
            {
                switch (message)
                {
                    case BeginMessage begin:
                        transaction = string.Create(CultureInfo.InvariantCulture, $"{begin.TransactionXid}");
                        break;
                    case InsertMessage insert:
                        changes.Add(Of(insert.Relation, ChangeKind.Insert, await RowAsync(insert.Relation, insert.NewRow)));
                        break;
                    case FullUpdateMessage full:
                        changes.Add(Of(full.Relation, ChangeKind.Update, await RowAsync(full.Relation, full.OldRow), await RowAsync(full.Relation, full.NewRow)));
                        break;
                    case IndexUpdateMessage index:
                        changes.Add(Of(index.Relation, ChangeKind.Update, await RowAsync(index.Relation, index.Key, isKeyOnly: true), await RowAsync(index.Relation, index.NewRow)));
                        break;
                    case UpdateMessage update:
                        var row = await RowAsync(update.Relation, update.NewRow);
                        changes.Add(Of(update.Relation, ChangeKind.Update, KeyOf(update.Relation, row), row));
                        break;
                    case FullDeleteMessage gone:
                        changes.Add(Of(gone.Relation, ChangeKind.Delete, await RowAsync(gone.Relation, gone.OldRow)));
                        break;
                    case KeyDeleteMessage gone:
                        changes.Add(Of(gone.Relation, ChangeKind.Delete, await RowAsync(gone.Relation, gone.Key, isKeyOnly: true)));
                        break;
                    case TruncateMessage truncate:
                        foreach (var relation in truncate.Relations)
                        {
                            changes.Add(Of(relation, ChangeKind.Truncate));
                        }

                        break;
                    case CommitMessage commit:
                        await RoomAsync(changes.Changes.Count);
                        await _commits.Writer.WriteAsync(new Committed(commit.TransactionEndLsn, transaction, changes.Changes), _stop.Token);
                        changes = new TransactionChanges();
                        break;
                }
            }

            _commits.Writer.TryComplete();
        }
        catch (Exception e)
        {
            _commits.Writer.TryComplete(e is OperationCanceledException ? null : e);
        }
    }

    /// <summary>Waits until so few changes are unread that these may be added; the server keeps the rest.</summary>
    private async Task RoomAsync(int more)
    {
        while (Volatile.Read(ref _unread) > ChangesMax)
        {
            await Task.Delay(10, _stop.Token);
        }

        Interlocked.Add(ref _unread, more);
    }

    private static TableChange Of(RelationMessage relation, ChangeKind kind, params IReadOnlyDictionary<string, string?>[] rows) =>
        new(relation.RelationName.ToLowerInvariant(), kind, rows);

    /// <summary>What is known of the row before an update that tells no old values: its key is the same; any other column may have been another,
    /// so that a rule on one leads to the whole resource.</summary>
    private static Dictionary<string, string?> KeyOf(RelationMessage relation, IReadOnlyDictionary<string, string?> row) =>
        relation.Columns.Where(c => c.Flags.HasFlag(RelationMessage.Column.ColumnFlags.PartOfKey)).Select(c => c.ColumnName.ToLowerInvariant())
            .Where(row.ContainsKey).ToDictionary(n => n, n => row[n], StringComparer.Ordinal);

    /// <summary>Of a key only the key's columns are told; the others, and values stored out of line that did not change, are unknown.</summary>
    private static async Task<IReadOnlyDictionary<string, string?>> RowAsync(RelationMessage relation, ReplicationTuple tuple, bool isKeyOnly = false)
    {
        var row = new Dictionary<string, string?>(StringComparer.Ordinal);
        var column = 0;
        await foreach (var value in tuple)
        {
            var of = relation.Columns[column++];
            if (value.IsUnchangedToastedValue)
            {
                continue;
            }

            if (value.IsDBNull)
            {
                if (!isKeyOnly)
                {
                    row[of.ColumnName.ToLowerInvariant()] = null;
                }
            }
            else
            {
                row[of.ColumnName.ToLowerInvariant()] = await value.Get<string>();
            }
        }

        return row;
    }
}
