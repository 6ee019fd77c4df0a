using Microsoft.Extensions.Logging;
using Rollcall.Databases;
using Rollcall.Serve.Authorization;
using Rollcall.Serve.Storage;
using Rollcall.Serve.Storage.Postgres;
using Rollcall.Serve.Storage.Sqlite;
using Rollcall.Standard.Model;

namespace Rollcall.Serve;

/// <summary>The open database behind a server, in its roles.</summary>
public sealed record ServeStores(IDocumentStore Documents, ICredentialStore Credentials, IRegistryStore Registry, IClaimStore Claims) : IAsyncDisposable
{
    /// <summary>An operator's own indexes; null only for a store that has none to manage.</summary>
    public IFieldIndexes? Indexes { get; init; }

    /// <summary>What keeps the file for this server; null for PostgreSQL and for others than servers.</summary>
    internal IDisposable? Lock { get; init; }

    /// <summary>Opens the database that the options name; creates its tables where they are missing.</summary>
    /// <exception cref="ServeStartException">It is no database, another program's, a newer Rollcall's, or cannot be reached.</exception>
    public static async Task<ServeStores> OpenAsync(
        ServeOptions options, DataStandard standard, TimeProvider time, ILogger logger, CancellationToken cancellationToken) =>
        await OpenAsync(options.Database, standard, time, logger, cancellationToken, options.Snapshots);

    /// <inheritdoc cref="OpenAsync(ServeOptions, DataStandard, TimeProvider, ILogger, CancellationToken)"/>
    public static async Task<ServeStores> OpenAsync(
        string database, DataStandard standard, TimeProvider time, ILogger logger, CancellationToken cancellationToken, SnapshotLimits? limits = null,
        bool isServer = false)
    {
        ServerLock? held = null;
        try
        {
            if (ServeOptions.NamesPostgres(database))
            {
                var postgres = await PostgresDocumentStore.OpenAsync(database, standard, time, logger, cancellationToken, limits);
                return new ServeStores(postgres, postgres, postgres, postgres) { Indexes = postgres.Indexes };
            }

            held = isServer ? ServerLock.Take(database) : null;
            var store = await SqliteDocumentStore.OpenAsync(database, standard, time, logger, cancellationToken, limits);
            return new ServeStores(store, store, store, store) { Indexes = store.Indexes, Lock = held };
        }
        catch (DatabaseUnusableException failure)
        {
            held?.Dispose();
            throw new ServeStartException(failure.Message, inner: failure);
        }
        catch (StoreUnavailableException failure)
        {
            held?.Dispose();
            throw new ServeStartException(failure.Message, isUnavailable: true, failure);
        }
        catch
        {
            held?.Dispose();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await Documents.DisposeAsync();
        Lock?.Dispose();
    }
}
