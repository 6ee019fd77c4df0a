using Microsoft.Data.Sqlite;
using Npgsql;
using Rollcall.Exchange.Ledger;
using Rollcall.Exchange.Sync.Mapping;
using Rollcall.Exchange.Sync.Sources;

namespace Rollcall.Exchange.Sync.Capture;

/// <summary>Opens the change source that a profile asks for, and takes away what one leaves in a source.</summary>
internal static class ChangeSources
{
    private const string TrackingStream = "change tracking";

    /// <exception cref="MappingException">The method does not fit the source.</exception>
    public static async Task<IChangeSource> OpenAsync(SyncProfile profile, SyncLedger ledger, IReadOnlySet<string> tables, CancellationToken cancellationToken)
    {
        var changes = Config(profile);
        var name = CaptureName.Of(profile.Name);
        var connection = changes.Connection ?? profile.Source.Connection;
        void Owe() => LastScan.Owe(ledger);
        return (changes.Method, profile.Source.Provider) switch
        {
            (ChangeMethod.Poll, _) => new PollSource(changes.Every),
            (ChangeMethod.Outbox, SisProvider.Sqlite) => SqliteOutbox.Open(connection, name, tables, changes.Every, Owe),
            (ChangeMethod.Outbox, SisProvider.Postgres) => await PostgresOutbox.OpenAsync(connection, name, tables, changes.Every, Owe, cancellationToken),
            (ChangeMethod.Logical, SisProvider.Postgres) => await LogicalReplication.OpenAsync(connection, name, tables, Owe, cancellationToken),
            (ChangeMethod.ChangeTracking, SisProvider.Ado) when profile.Source.Dialect == SqlDialect.SqlServer.Name => await SqlServerTracking.OpenAsync(
                profile.Source.AdoProvider!, connection, tables, changes.Every, Positions.Of(ledger, TrackingStream), p => Positions.Keep(ledger, TrackingStream, p), cancellationToken),
            var (method, provider) => throw new MappingException(
                $"profile.yaml: changes.method {method.ToString().ToLowerInvariant()} is not to be had from a source of the provider {provider.ToString().ToLowerInvariant()}."),
        };
    }

    /// <exception cref="MappingException">The profile says nothing of changes.</exception>
    public static ChangesConfig Config(SyncProfile profile) => profile.Changes ?? throw new MappingException(
        "profile.yaml: 'watch' needs to know how to learn of changes: changes: { method: logical | outbox | change-tracking | poll }.");

    /// <summary>Takes the slot, the publication, the triggers and the outbox of a profile out of its source: a slot that nobody reads keeps the
    /// server's log for ever.</summary>
    public static async Task RemoveAsync(SyncProfile profile, CancellationToken cancellationToken)
    {
        var name = CaptureName.Of(profile.Name);
        var connection = Config(profile).Connection ?? profile.Source.Connection;
        try
        {
            if (profile.Source.Provider == SisProvider.Postgres)
            {
                await using var opened = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(connection) { Pooling = false }.ConnectionString);
                await opened.OpenAsync(cancellationToken);
                await PostgresOutbox.RunAsync(opened, $"""
                    select pg_drop_replication_slot(slot_name) from pg_replication_slots where slot_name = '{name}';
                    drop publication if exists {name};
                    drop function if exists public.{name}_note() cascade;
                    drop function if exists public.{name}_note_all() cascade;
                    drop table if exists public.{name};
                    """);
            }
            else if (profile.Source.Provider == SisProvider.Sqlite)
            {
                var settings = connection.Contains('=', StringComparison.Ordinal) ? new SqliteConnectionStringBuilder(connection) : new SqliteConnectionStringBuilder { DataSource = connection };
                (settings.Mode, settings.Pooling) = (SqliteOpenMode.ReadWrite, false);
                await using var opened = new SqliteConnection(settings.ConnectionString);
                await opened.OpenAsync(cancellationToken);
                await using var find = opened.CreateCommand();
                find.CommandText = $"select 'drop trigger \"' || name || '\";' from sqlite_schema where type = 'trigger' and name like '{name}%' union all select 'drop table if exists {name};'";
                var drops = new List<string>();
                await using (var reader = await find.ExecuteReaderAsync(cancellationToken))
                {
                    while (await reader.ReadAsync(cancellationToken))
                    {
                        drops.Add(reader.GetString(0));
                    }
                }

                find.CommandText = string.Concat(drops);
                await find.ExecuteNonQueryAsync(cancellationToken);
            }
        }
        catch (Exception e) when (e is NpgsqlException or SqliteException or System.Net.Sockets.SocketException)
        {
            throw new SisException($"change capture cannot be taken out of the source: {(e is PostgresException p ? p.MessageText : e.Message)}.", isUnavailable: true, e);
        }
    }
}
