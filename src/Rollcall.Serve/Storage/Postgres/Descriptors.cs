using Npgsql;
using Rollcall.Serve.Authorization;
using Rollcall.Standard.Documents;
using Rollcall.Standard.Model;

namespace Rollcall.Serve.Storage.Postgres;

/// <summary>The descriptors that documents may use, kept equal to the database's, and the deletion of one.</summary>
/// <remarks>Every write of a document with descriptors takes a shared advisory lock and fails when the epoch is not the one its
/// document was read with; deleting or respelling a descriptor takes that lock exclusively and raises the epoch. So no document
/// that was read with a descriptor can be stored once it is gone, in whichever process either happens.</remarks>
internal sealed class Descriptors(Catalog catalog, DescriptorUse use) : IDisposable
{
    /// <summary>To run first in a writing transaction; <see cref="IsCurrent"/> must be a statement of its own after it, to see what the wait was for.</summary>
    public static readonly string LockShared = $"select pg_advisory_xact_lock_shared({Locks.Space}, {Locks.Descriptors})";

    public static readonly string LockExclusive = $"select pg_advisory_xact_lock({Locks.Space}, {Locks.Descriptors})";

    /// <summary>$1 the epoch on which the transaction relies.</summary>
    public const string IsCurrent = "select rollcall.require(descriptor_epoch = $1) from rollcall.meta";

    public const string Epoch = "select descriptor_epoch from rollcall.meta";

    public const string RaiseEpoch = "update rollcall.meta set descriptor_epoch = descriptor_epoch + 1";

    private const string Entries =
        "select t.row_id, t.id, t.resource, t.namespace, t.code_value, t.change_version from rollcall.descriptor t where t.change_version > $1";

    private readonly SemaphoreSlim _gate = new(1);
    private volatile DescriptorSet _current = new(-1);

    /// <summary>Every entry up to this version is in the set; a later one may be.</summary>
    private long _complete;

    public DescriptorSet Current => _current;

    public void Dispose() => _gate.Dispose();

    /// <summary>Takes in what other servers have done since: new entries, or a whole new set when the epoch has changed.</summary>
    public async Task RefreshAsync(CancellationToken cancellationToken)
    {
        await _gate.WaitAsync(cancellationToken);
        try
        {
            await using var connection = await catalog.Source.OpenConnectionAsync(cancellationToken);
            if (!await ReadAsync(connection, _current, cancellationToken))
            {
                _complete = 0;
                var epoch = await EpochAsync(connection, cancellationToken);
                for (var fresh = new DescriptorSet(epoch); ; fresh = new DescriptorSet(epoch))
                {
                    if (await ReadAsync(connection, fresh, cancellationToken))
                    {
                        _current = fresh;
                        return;
                    }

                    epoch = await EpochAsync(connection, cancellationToken);
                }
            }
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>All that there are now, for a transaction that holds <see cref="LockShared"/>. Read on its own connection and without the gate:
    /// another connection, or whoever has the gate, may wait behind somebody's exclusive lock, which waits for this transaction.</summary>
    public async Task<DescriptorSet> ReadAllAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        await using var batch = new NpgsqlBatch(connection);
        batch.Then(Epoch);
        batch.Then(Entries).With(0L);
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        await reader.ReadAsync(cancellationToken);
        var set = new DescriptorSet(reader.GetInt64(0));
        await reader.NextResultAsync(cancellationToken);
        await AddAsync(reader, set, cancellationToken);
        return set;
    }

    /// <summary>Makes an entry known that this server has just committed.</summary>
    public void Add(Document document, long rowId, Guid id, long changeVersion) => _current.Add(
        new DescriptorEntry(
            document.Resource, rowId, id,
            WriteDecision.DescriptorMember(document, "namespace"), WriteDecision.DescriptorMember(document, "codeValue")),
        changeVersion);

    /// <summary>Deletes a descriptor unless a document uses it.</summary>
    /// <remarks>The tables are scanned before anything is locked; what was written during the scan is found by its change version
    /// once the lock is held, so that writers wait for a few index look-ups and not for the scan.</remarks>
    public async Task<WriteOutcome> DeleteAsync(
        ResourceModel resource, Guid id, Precondition precondition, Access access, Delete delete, CancellationToken cancellationToken)
    {
        for (; ; )
        {
            await using var connection = await catalog.Source.OpenConnectionAsync(cancellationToken);
            var reachable = access.IsEverything ? null : new Reachable(catalog, resource);
            if (reachable is not null)
            {
                reachable.Want(access, null);
                await reachable.Views.FindAsync(connection, cancellationToken);
                if (reachable.Views.Breakage(access) is { } breakage)
                {
                    return new WriteOutcome.Denied(breakage);
                }
            }

            var found = await delete.FindAsync(connection, resource, [id], reachable, cancellationToken);
            if (!found.TryGetValue(id, out var row))
            {
                return WriteDecision.Missing(precondition);
            }

            if (reachable is not null && reachable.Stored(row.RowId, row.ChangeVersion) is null)
            {
                continue;
            }

            if (Delete.Denial(access, row, reachable) is { } denial)
            {
                return new WriteOutcome.Denied(denial);
            }

            if (precondition.CheckExisting(row.ChangeVersion) is { } refused)
            {
                return refused;
            }

            var scannedTo = await ChangeVersions.NewestAsync(catalog.Source, cancellationToken);
            if (await UsersAsync(connection, resource, row.RowId, 0, cancellationToken) is { Length: > 0 } users)
            {
                return new WriteOutcome.Referenced(users);
            }

            await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
            await using (var command = new NpgsqlCommand(LockExclusive, connection))
            {
                await command.ExecuteNonQueryAsync(cancellationToken);
            }

            if (await UsersAsync(connection, resource, row.RowId, scannedTo, cancellationToken) is { Length: > 0 } late)
            {
                return new WriteOutcome.Referenced(late);
            }

            try
            {
                if (!await delete.DeleteAsync(connection, resource, row, reachable, cancellationToken))
                {
                    continue;
                }
            }
            catch (PostgresException e) when (e.SqlState == Errors.NoLongerTrue)
            {
                continue;
            }

            await using (var command = new NpgsqlCommand(RaiseEpoch, connection))
            {
                await command.ExecuteNonQueryAsync(cancellationToken);
            }

            await transaction.CommitAsync(cancellationToken);
            await RefreshAsync(cancellationToken);
            return new WriteOutcome.Deleted();
        }
    }

    private static async Task<long> EpochAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(Epoch, connection);
        return (long)(await command.ExecuteScalarAsync(cancellationToken))!;
    }

    /// <summary>Adds the entries that <paramref name="set"/> may lack; false when the database has another epoch.</summary>
    private async Task<bool> ReadAsync(NpgsqlConnection connection, DescriptorSet set, CancellationToken cancellationToken)
    {
        await using var batch = new NpgsqlBatch(connection);
        ChangeVersions.Ask(batch);
        batch.Then(LockShared);
        batch.Then(Epoch);
        batch.Then(Entries).With(_complete);
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        var newest = await ChangeVersions.ReadAsync(reader, cancellationToken);
        await reader.NextResultAsync(cancellationToken);
        await reader.NextResultAsync(cancellationToken);
        await reader.ReadAsync(cancellationToken);
        if (reader.GetInt64(0) != set.DeleteEpoch)
        {
            return false;
        }

        await reader.NextResultAsync(cancellationToken);
        await AddAsync(reader, set, cancellationToken);
        _complete = newest;
        return true;
    }

    private async Task AddAsync(NpgsqlDataReader reader, DescriptorSet set, CancellationToken cancellationToken)
    {
        while (await reader.ReadAsync(cancellationToken))
        {
            var entry = new DescriptorEntry(
                catalog.ResourceOf(reader.GetInt32(2)), reader.GetInt64(0), reader.GetGuid(1), reader.GetString(3), reader.GetString(4));
            set.Add(entry, reader.GetInt64(5));
        }
    }

    /// <summary>Type names of the resources with a document that uses the descriptor and has changed since <paramref name="after"/>, sorted.</summary>
    private async Task<string[]> UsersAsync(
        NpgsqlConnection connection, ResourceModel descriptor, long row, long after, CancellationToken cancellationToken)
    {
        var users = use.UsersOf(descriptor);
        if (users.Count == 0)
        {
            return [];
        }

        // The version bound is left out of the first scan, which reads each table once whatever it says.
        var changed = after > 0 ? "t.change_version > $2 and " : "";
        await using var command = new NpgsqlCommand(
            string.Join("\nunion all\n", users.Select(u =>
                $"select '{u.TypeName}' where exists (select from rollcall.{TableModel.NameOf(u)} t where {changed}t.descriptors @> array[$1])")),
            connection);
        command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = row });
        if (after > 0)
        {
            command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = after });
        }

        command.CommandTimeout = 0;
        var names = new SortedSet<string>(StringComparer.Ordinal);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            names.Add(reader.GetString(0));
        }

        return [.. names];
    }
}
