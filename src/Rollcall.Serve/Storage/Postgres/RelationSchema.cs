using System.Diagnostics;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Rollcall.Serve.Storage.Postgres;

/// <summary>The views that administrators write custom views over (<see cref="Relation"/>), in one schema per project, and the schema <c>auth</c> for
/// what they write. Nothing of the server rests on them: where they can't be made it starts all the same.</summary>
internal static class RelationSchema
{
    private const string Noted = "relations";

    /// <summary>Makes them where they are missing or have another form; one small query when they are there.</summary>
    public static async Task ApplyAsync(NpgsqlDataSource source, IReadOnlyList<TableModel> tables, ILogger logger, CancellationToken cancellationToken)
    {
        var relations = new Relations(
            "rollcall.",
            names => $"(convert_from(t.document, 'UTF8')::json #>> '{{{string.Join(',', names)}}}')",
            value => $"{value}::date").Of(tables).ToArray();
        var fingerprint = Relations.Fingerprint(relations);
        await using var connection = await source.OpenConnectionAsync(cancellationToken);
        if (await IsCurrentAsync(connection, fingerprint, cancellationToken))
        {
            return;
        }

        try
        {
            var start = Stopwatch.GetTimestamp();
            await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
            await ExecuteAsync(connection, $"select pg_advisory_xact_lock({Locks.Space}, {Locks.SchemaChange})", cancellationToken);
            if (!await IsCurrentAsync(connection, fingerprint, cancellationToken))
            {
                var wanted = relations.Select(r => r.Schema).Distinct().Append("auth").ToArray();
                var schemas = await MissingAsync(connection, wanted, cancellationToken);
                var views = relations.Select(r => $"create or replace view {ViewDialect.Quoted(r.Schema)}.{ViewDialect.Quoted(r.Name)} as {r.Select}");
                await ExecuteAsync(connection, "set local client_min_messages = warning; set local lock_timeout = '3s'", cancellationToken);
                await ExecuteAsync(connection, string.Join(";\n", schemas.Select(s => $"create schema if not exists {ViewDialect.Quoted(s)}").Concat(views)), cancellationToken);
                await using var note = new NpgsqlBatch(connection);
                note.Then("insert into rollcall.definition (name, sql) values ($1, $2) on conflict (name) do update set sql = excluded.sql").With(Noted).With(fingerprint);
                await note.ExecuteNonQueryAsync(cancellationToken);
            }

            await transaction.CommitAsync(cancellationToken);
            Log.RelationsMade(logger, (long)Stopwatch.GetElapsedTime(start).TotalMilliseconds);
        }
        catch (PostgresException e) when (!Databases.PostgresDatabase.IsUnavailable(e))
        {
            Log.RelationsNotMade(logger, e.SqlState);
        }
    }

    private static async Task<bool> IsCurrentAsync(NpgsqlConnection connection, string fingerprint, CancellationToken cancellationToken)
    {
        await using var batch = new NpgsqlBatch(connection);
        // A copy of the schema rollcall alone has the note without what it says.
        batch.Then("select d.sql = $2 and to_regnamespace('auth') is not null and to_regnamespace('edfi') is not null from rollcall.definition d where d.name = $1").With(Noted).With(fingerprint);
        return await batch.ExecuteScalarAsync(cancellationToken) is true;
    }

    /// <summary>To make a schema needs a right on the database even where the schema is there: an administrator may have made it for us.</summary>
    private static async Task<List<string>> MissingAsync(NpgsqlConnection connection, string[] wanted, CancellationToken cancellationToken)
    {
        await using var batch = new NpgsqlBatch(connection);
        batch.Then("select w.name from unnest($1) w (name) where not exists (select from pg_catalog.pg_namespace n where n.nspname = w.name)").With(wanted);
        var missing = new List<string>();
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            missing.Add(reader.GetString(0));
        }

        return missing;
    }

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }
}
