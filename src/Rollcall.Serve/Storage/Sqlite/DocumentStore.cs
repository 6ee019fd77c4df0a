using Microsoft.Extensions.Logging;
using Rollcall.Databases;
using Rollcall.Serve.Authorization;
using Rollcall.Serve.Queries;
using Rollcall.Standard.Documents;
using Rollcall.Standard.Model;

namespace Rollcall.Serve.Storage.Sqlite;

/// <summary>Documents and credentials in one SQLite file: one writer that commits in groups, many readers that never wait for it.</summary>
public sealed class SqliteDocumentStore : IDocumentStore, ICredentialStore, IRegistryStore, IClaimStore, IMeasuredStore
{
    private readonly WriteSession _session;
    private readonly Writer _writer;
    private readonly ReaderPool _readers;

    private SqliteDocumentStore(WriteSession session, ReaderPool readers, SnapshotSet snapshots)
    {
        Snapshots = snapshots;
        _session = session;
        _writer = new Writer(session);
        _readers = readers;
        Indexes = new FieldIndexes(session.Model, _writer, readers);
    }

    public SnapshotSet? Snapshots { get; }

    public IFieldIndexes Indexes { get; }

    public DescriptorSet Descriptors => _session.Descriptors.Published;

    /// <summary>Opens the file, creating it and its tables where they are missing.</summary>
    /// <exception cref="DatabaseUnusableException">The file is no database, another program's, a newer Rollcall's or another data model's.</exception>
    public static Task<SqliteDocumentStore> OpenAsync(
        string path, DataStandard standard, TimeProvider time, ILogger logger, CancellationToken cancellationToken, SnapshotLimits? limits = null) =>
        Task.Run(() => Open(path, standard, limits ?? SnapshotLimits.Default, time, logger), cancellationToken);

    public ValueTask<WriteOutcome> UpsertAsync(
        Document document, Precondition precondition, WriteAccess access, CancellationToken cancellationToken) =>
        _writer.RunAsync(session => Upsert.Run(session, document, null, precondition, access), cancellationToken);

    public ValueTask<WriteOutcome> ReplaceAsync(
        Guid id, Document document, Precondition precondition, Access access, CancellationToken cancellationToken) =>
        _writer.RunAsync(session => Upsert.Run(session, document, id, precondition, new WriteAccess(Access.Everything, access)), cancellationToken);

    public async ValueTask<WriteOutcome> DeleteAsync(
        ResourceModel resource, Guid id, Precondition precondition, Access access, CancellationToken cancellationToken)
    {
        var scan = resource.IsDescriptor
            ? await _readers.RunAsync((resource, id), static (reader, sought) => DescriptorScan.Run(reader, sought.resource, sought.id), cancellationToken)
            : null;
        return await _writer.RunAsync(session => session.DeleteFrom(resource).Run(id, precondition, access, scan), cancellationToken);
    }

    public ValueTask<ReadOutcome> GetAsync(
        ResourceModel resource, Guid id, IDocumentSink sink, Access access, CancellationToken cancellationToken) =>
        _readers.RunAsync(
            (resource, id, sink, access), static (reader, get) => Reads.Get(reader, get.resource, get.id, get.sink, get.access), cancellationToken);

    public async ValueTask QueryAsync(QueryPlan plan, IDocumentSink sink, CancellationToken cancellationToken) =>
        await _readers.RunAsync(
            (plan, sink, newest: _session.NewestChangeVersion),
            static (reader, query) => Reads.Query(reader, query.plan, query.newest, query.sink),
            cancellationToken);

    public ValueTask<IReadOnlyList<RowRange>> PartitionAsync(PartitionPlan plan, CancellationToken cancellationToken) =>
        _readers.RunAsync(plan, static (reader, partition) => Reads.Partition(reader, partition), cancellationToken);

    public ValueTask<TrackedDeletes> QueryDeletesAsync(ChangeQueryPlan plan, CancellationToken cancellationToken) =>
        _readers.RunAsync(plan, static (reader, query) => Deletes.Query(reader, query), cancellationToken);

    /// <summary>One writer: nothing is drawn that has not been committed by the time it can be seen.</summary>
    public ValueTask<StoreMeasures> MeasureAsync(CancellationToken cancellationToken)
    {
        var (groups, writes) = _writer.Totals;
        return new(new StoreMeasures(groups, writes, _session.NewestChangeVersion, 0) { KeyChanges = _session.Cascade.Count });
    }

    public ValueTask<TrackedKeyChanges> QueryKeyChangesAsync(ChangeQueryPlan plan, CancellationToken cancellationToken) =>
        _readers.RunAsync(plan, static (reader, query) => KeyChangeRecords.Query(reader, query), cancellationToken);

    public ValueTask<long> NewestChangeVersionAsync(CancellationToken cancellationToken) => new(_session.NewestChangeVersion);

    public async ValueTask<bool> IsHealthyAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await _readers.RunAsync(0, static (reader, _) => reader.IsAnswering(), cancellationToken);
        }
        catch (Exception failure) when (failure is StoreUnavailableException or DatabaseUnusableException)
        {
            return false;
        }
    }

    public ValueTask<ApiClient?> FindClientAsync(string key, CancellationToken cancellationToken) =>
        _readers.RunAsync(key, static (reader, wanted) => Credentials.Find(reader, wanted), cancellationToken);

    public async ValueTask PutClientAsync(ApiClient client, CancellationToken cancellationToken) =>
        await _writer.RunAsync(session => Registry.RaiseRevision(session) && Credentials.Put(session, client), cancellationToken);

    public ValueTask<bool> RemoveClientAsync(string key, CancellationToken cancellationToken) =>
        _writer.RunAsync(session => Registry.RaiseRevision(session) && Credentials.Remove(session, key), cancellationToken);

    public ValueTask<IReadOnlyList<ApiClient>> ListClientsAsync(CancellationToken cancellationToken) =>
        _readers.RunAsync(0, static (reader, _) => Credentials.List(reader), cancellationToken);

    public ValueTask<IReadOnlyList<SigningKey>> SigningKeysAsync(SigningKey candidate, CancellationToken cancellationToken) =>
        _writer.RunAsync(session => Credentials.SigningKeys(session, candidate), cancellationToken);

    public async ValueTask RotateSigningKeyAsync(SigningKey key, DateTime supersededBefore, CancellationToken cancellationToken) =>
        await _writer.RunAsync(session => Credentials.Rotate(session, key, supersededBefore), cancellationToken);

    public ValueTask<long> RegistryRevisionAsync(CancellationToken cancellationToken) =>
        _readers.RunAsync(0, static (reader, _) => Registry.Revision(reader), cancellationToken);

    public ValueTask<RegistryContents> ReadRegistryAsync(CancellationToken cancellationToken) =>
        _readers.RunAsync(0, static (reader, _) => Registry.Read(reader), cancellationToken);

    public ValueTask<bool> ChangeRegistryAsync(long revision, IReadOnlyList<RegistryChange> changes, CancellationToken cancellationToken) =>
        _writer.RunAsync(session => Registry.Change(session, revision, changes), cancellationToken);

    public ValueTask<StoredClaims?> ReadClaimsAsync(CancellationToken cancellationToken) =>
        _readers.RunAsync(0, static (reader, _) => ClaimRows.Read(reader), cancellationToken);

    public ValueTask<long> ClaimsVersionAsync(CancellationToken cancellationToken) =>
        _readers.RunAsync(0, static (reader, _) => ClaimRows.Version(reader), cancellationToken);

    public ValueTask<bool> TryStoreClaimsAsync(long basedOn, ReadOnlyMemory<byte> body, CancellationToken cancellationToken) =>
        _writer.RunAsync(session => ClaimRows.TryStore(session, basedOn, body), cancellationToken);

    /// <summary>Finishes the writes that wait, then closes the file.</summary>
    public async ValueTask DisposeAsync()
    {
        await Snapshots!.DisposeAsync();
        _readers.Dispose();
        await _writer.DisposeAsync();
    }

    /// <summary>A setting as the writer's connection has it: <c>synchronous</c>, <c>journal_mode</c>; for tests of durability.</summary>
    internal ValueTask<string?> SettingAsync(string pragma, CancellationToken cancellationToken) =>
        _writer.RunAsync(session => session.Db.Text($"PRAGMA {pragma}"), cancellationToken);

    /// <summary>How SQLite finds the page of a filtered plan; for tests of indexes.</summary>
    internal ValueTask<string> ExplainAsync(QueryPlan plan, CancellationToken cancellationToken) =>
        _readers.RunAsync(plan, static (reader, query) => Reads.Explain(reader, query), cancellationToken);

    private static SqliteDocumentStore Open(string path, DataStandard standard, SnapshotLimits limits, TimeProvider time, ILogger logger)
    {
        var started = time.GetTimestamp();
        Schema.RefuseAnother(path);
        var db = SqliteDb.OpenWriter(path);
        try
        {
            var tables = TableModel.For(standard);
            Schema.Apply(db, standard, tables);
            var model = new StoreModel(standard, tables, Schema.ResourceNumbers(db, standard));
            var anchors = new PageAnchors(tables.Length);
            var session = new WriteSession(db, model, anchors, time);
            var elapsed = time.GetElapsedTime(started);
            Sqlite.Snapshots.RemoveLeftOvers(path, logger);
            Log.Opened(logger, path, elapsed);
            return new SqliteDocumentStore(session, new ReaderPool(path, model, anchors, Math.Max(4, Environment.ProcessorCount * 2)), new SnapshotSet(new Snapshots(path, model, limits, time), limits, time));
        }
        catch
        {
            db.Dispose();
            throw;
        }
    }
}
