using System.Diagnostics;
using Microsoft.Extensions.Logging;
using Npgsql;
using Rollcall.Databases;
using Rollcall.Serve.Authorization;
using Rollcall.Serve.Queries;
using Rollcall.Standard.Documents;
using Rollcall.Standard.Model;

namespace Rollcall.Serve.Storage.Postgres;

/// <summary>Documents, clients and signing keys in a PostgreSQL database that any number of servers share.</summary>
public sealed class PostgresDocumentStore : IDocumentStore, ICredentialStore, IRegistryStore, IClaimStore, IMeasuredStore
{
    /// <summary>Writers, readers, four for each of four snapshots, and some to spare for start-up and descriptors.</summary>
    private const int ConnectionsMax = 48;

    private const int ServerVersionMin = 14;
    private readonly NpgsqlDataSource _source;
    private readonly Catalog _catalog;
    private readonly Descriptors _descriptors;
    private readonly Horizon _horizon;
    private readonly Writer _writer;
    private readonly Reads _reads;
    private readonly Deletes _deletes;
    private readonly Credentials _credentials;
    private readonly Registry _registry;

    private PostgresDocumentStore(Catalog catalog, NpgsqlDataSource ofHorizon, SnapshotLimits limits, TimeProvider time, ILogger logger)
    {
        _source = catalog.Source;
        _catalog = catalog;
        _descriptors = new Descriptors(catalog, new DescriptorUse(catalog.Standard));
        var references = new References(catalog.Standard);
        var rows = new Rows(catalog, new LinkSplicer(catalog.Standard), time);
        var upsert = new Upsert(catalog, references, _descriptors, rows, new Cascade(catalog, references, _descriptors, rows));
        _writer = new Writer(upsert, new Delete(catalog, references, rows), _descriptors, time, logger);
        _horizon = new Horizon(ofHorizon, time);
        _reads = new Reads(catalog, _horizon, new PageAnchors(catalog, _horizon, time));
        _deletes = new Deletes(catalog);
        Snapshots = new SnapshotSet(new Snapshots(catalog, _reads, _deletes, limits), limits, time);
        _credentials = new Credentials(_source);
        _registry = new Registry(_source);
        Indexes = new FieldIndexes(catalog);
    }

    public DescriptorSet Descriptors => _descriptors.Current;

    public SnapshotSet? Snapshots { get; }

    public IFieldIndexes Indexes { get; }

    internal NpgsqlDataSource Source => _source;

    internal WriterCounters Counters => _writer.Counters;

    internal (long Groups, long Gets) ReadTotals => _reads.Totals;

    internal (long Groups, long Writes) GroupTotals => _writer.Totals;

    /// <summary>Connects, makes or checks the tables, and reads the descriptors.</summary>
    /// <exception cref="StoreUnavailableException">The server cannot be reached.</exception>
    /// <exception cref="DatabaseUnusableException">The database is a newer Rollcall's, holds another data model, or does not let us in.</exception>
    public static async Task<PostgresDocumentStore> OpenAsync(
        string connectionString, DataStandard standard, TimeProvider time, ILogger logger, CancellationToken cancellationToken, SnapshotLimits? limits = null)
    {
        var source = PostgresDatabase.Open(connectionString, ConnectionsMax);
        try
        {
            var start = Stopwatch.GetTimestamp();
            var tables = TableModel.For(standard);
            await CheckServerAsync(source, cancellationToken);
            await Schema.ApplyAsync(source, standard, tables, cancellationToken);
            await RelationSchema.ApplyAsync(source, tables, logger, cancellationToken);
            Log.SchemaApplied(logger, (long)Stopwatch.GetElapsedTime(start).TotalMilliseconds);
            await using var connection = await source.OpenConnectionAsync(cancellationToken);
            var catalog = new Catalog(
                source, standard, tables,
                await Schema.ResourceNumbersAsync(connection, standard, cancellationToken),
                await Schema.RowTypesAsync(connection, cancellationToken));
            var store = new PostgresDocumentStore(catalog, Horizon.Connect(connectionString), limits ?? SnapshotLimits.Default, time, logger);
            await store._descriptors.RefreshAsync(cancellationToken);
            return store;
        }
        catch (Exception e)
        {
            await source.DisposeAsync();
            throw Refusal(e);
        }
    }

    public async ValueTask<WriteOutcome> UpsertAsync(
        Document document, Precondition precondition, WriteAccess access, CancellationToken cancellationToken) =>
        await _writer.UpsertAsync(document, precondition, access, cancellationToken);

    public async ValueTask<WriteOutcome> ReplaceAsync(
        Guid id, Document document, Precondition precondition, Access access, CancellationToken cancellationToken) =>
        await _writer.ReplaceAsync(id, document, precondition, access, cancellationToken);

    public async ValueTask<WriteOutcome> DeleteAsync(
        ResourceModel resource, Guid id, Precondition precondition, Access access, CancellationToken cancellationToken) =>
        await _writer.DeleteAsync(resource, id, precondition, access, cancellationToken);

    public ValueTask<ReadOutcome> GetAsync(
        ResourceModel resource, Guid id, IDocumentSink sink, Access access, CancellationToken cancellationToken)
    {
        if (!access.IsEverything)
        {
            return GuardedGetAsync(resource, id, sink, access, cancellationToken);
        }

        var get = _reads.GetAsync(resource, id, sink);
        return get.IsCompletedSuccessfully ? new(new ReadOutcome(get.Result, null)) : Awaited(get);

        static async ValueTask<ReadOutcome> Awaited(ValueTask<bool> get) => new(await get, null);
    }

    private async ValueTask<ReadOutcome> GuardedGetAsync(
        ResourceModel resource, Guid id, IDocumentSink sink, Access access, CancellationToken cancellationToken) =>
        await Errors.GuardAsync(() => _reads.GetAsync(resource, id, sink, access, cancellationToken));

    public async ValueTask QueryAsync(QueryPlan plan, IDocumentSink sink, CancellationToken cancellationToken)
    {
        try
        {
            await _reads.QueryAsync(plan, sink, cancellationToken);
        }
        catch (Exception e) when (PostgresDatabase.IsUnavailable(e))
        {
            throw Errors.Unavailable(e);
        }
    }

    public async ValueTask<IReadOnlyList<RowRange>> PartitionAsync(PartitionPlan plan, CancellationToken cancellationToken) =>
        await Errors.GuardAsync(() => _reads.PartitionAsync(plan, cancellationToken).AsTask());

    public async ValueTask<TrackedDeletes> QueryDeletesAsync(ChangeQueryPlan plan, CancellationToken cancellationToken) =>
        await Errors.GuardAsync(() => _deletes.QueryAsync(plan, cancellationToken).AsTask());

    public async ValueTask<StoreMeasures> MeasureAsync(CancellationToken cancellationToken)
    {
        var (last, lowestHeld) = await Errors.GuardAsync(() => ChangeVersions.NewestAndHeldAsync(_source, cancellationToken).AsTask());
        var newest = Math.Min(last, lowestHeld ?? long.MaxValue);
        var (groups, writes) = _writer.Totals;
        return new StoreMeasures(groups, writes, newest, last - newest)
        {
            KeyChanges = Counters.Cascades,
            LostRaces = Counters.LostRaces,
            Deadlocks = Counters.Deadlocks,
        };
    }

    public async ValueTask<TrackedKeyChanges> QueryKeyChangesAsync(ChangeQueryPlan plan, CancellationToken cancellationToken) =>
        await Errors.GuardAsync(() => KeyChangeRecords.QueryAsync(_catalog, plan, cancellationToken));

    public async ValueTask<long> NewestChangeVersionAsync(CancellationToken cancellationToken) =>
        await Errors.GuardAsync(() => ChangeVersions.NewestAsync(_source, cancellationToken).AsTask());

    public async ValueTask<bool> IsHealthyAsync(CancellationToken cancellationToken)
    {
        try
        {
            await using var ask = _source.CreateCommand("select format from rollcall.meta");
            ask.CommandTimeout = 5;
            return await ask.ExecuteScalarAsync(cancellationToken) is int;
        }
        catch (Exception e) when (PostgresDatabase.IsUnavailable(e))
        {
            return false;
        }
    }

    public async ValueTask<ApiClient?> FindClientAsync(string key, CancellationToken cancellationToken) =>
        await Errors.GuardAsync(() => _credentials.FindClientAsync(key, cancellationToken));

    public async ValueTask PutClientAsync(ApiClient client, CancellationToken cancellationToken) =>
        await Errors.GuardAsync(() => _credentials.PutClientAsync(client, cancellationToken));

    public async ValueTask<bool> RemoveClientAsync(string key, CancellationToken cancellationToken) =>
        await Errors.GuardAsync(() => _credentials.RemoveClientAsync(key, cancellationToken));

    public async ValueTask<IReadOnlyList<ApiClient>> ListClientsAsync(CancellationToken cancellationToken) =>
        await Errors.GuardAsync(() => _credentials.ListClientsAsync(cancellationToken));

    public async ValueTask<IReadOnlyList<SigningKey>> SigningKeysAsync(SigningKey candidate, CancellationToken cancellationToken) =>
        await Errors.GuardAsync(() => _credentials.SigningKeysAsync(candidate, cancellationToken));

    public async ValueTask RotateSigningKeyAsync(SigningKey key, DateTime supersededBefore, CancellationToken cancellationToken) =>
        await Errors.GuardAsync(() => _credentials.RotateAsync(key, supersededBefore, cancellationToken));

    public async ValueTask<long> RegistryRevisionAsync(CancellationToken cancellationToken) =>
        await Errors.GuardAsync(() => _registry.RevisionAsync(cancellationToken));

    public async ValueTask<RegistryContents> ReadRegistryAsync(CancellationToken cancellationToken) =>
        await Errors.GuardAsync(() => _registry.ReadAsync(cancellationToken));

    public async ValueTask<bool> ChangeRegistryAsync(long revision, IReadOnlyList<RegistryChange> changes, CancellationToken cancellationToken) =>
        await Errors.GuardAsync(() => _registry.ChangeAsync(revision, changes, cancellationToken));

    public async ValueTask<StoredClaims?> ReadClaimsAsync(CancellationToken cancellationToken) =>
        await Errors.GuardAsync(() => ClaimRows.ReadAsync(_source, cancellationToken));

    public async ValueTask<long> ClaimsVersionAsync(CancellationToken cancellationToken) =>
        await Errors.GuardAsync(() => ClaimRows.VersionAsync(_source, cancellationToken));

    public async ValueTask<bool> TryStoreClaimsAsync(long basedOn, ReadOnlyMemory<byte> body, CancellationToken cancellationToken) =>
        await Errors.GuardAsync(() => ClaimRows.TryStoreAsync(_source, basedOn, body.ToArray(), cancellationToken));

    /// <summary>Answers every write that was accepted, then closes the connections.</summary>
    public async ValueTask DisposeAsync()
    {
        await Snapshots!.DisposeAsync();
        await _writer.DisposeAsync();
        _descriptors.Dispose();
        await _horizon.DisposeAsync();
        await _source.DisposeAsync();
    }

    private static async Task CheckServerAsync(NpgsqlDataSource source, CancellationToken cancellationToken)
    {
        await using var connection = await source.OpenConnectionAsync(cancellationToken);
        if (connection.PostgreSqlVersion.Major < ServerVersionMin)
        {
            throw new DatabaseUnusableException(
                $"The server is PostgreSQL {connection.PostgreSqlVersion}; Rollcall needs {ServerVersionMin} or later.");
        }
    }

    private static Exception Refusal(Exception e) => e switch
    {
        DatabaseUnusableException or StoreUnavailableException or OperationCanceledException => e,
        PostgresException { SqlState: PostgresErrorCodes.InvalidCatalogName } p =>
            new DatabaseUnusableException($"{p.MessageText}. Create it first; Rollcall makes its own schema in it.", p),
        PostgresException { SqlState: PostgresErrorCodes.InvalidPassword or PostgresErrorCodes.InvalidAuthorizationSpecification } p =>
            new DatabaseUnusableException($"The PostgreSQL server does not let this user in: {p.MessageText}.", p),
        _ when PostgresDatabase.IsUnavailable(e) => Errors.Unavailable(e),
        _ => e,
    };
}
