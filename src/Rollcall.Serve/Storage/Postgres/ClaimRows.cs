using Npgsql;
using Rollcall.Serve.Authorization;

namespace Rollcall.Serve.Storage.Postgres;

/// <summary>The stored claim metadata: one row, replaced as a whole, with a number that rises.</summary>
internal static class ClaimRows
{
    public const string Table = "create table rollcall.claim_metadata (only_row boolean primary key default true check (only_row), version bigint not null, body bytea not null)";

    public static async Task<StoredClaims?> ReadAsync(NpgsqlDataSource source, CancellationToken cancellationToken)
    {
        await using var batch = source.CreateBatch();
        batch.Then("select version, body from rollcall.claim_metadata");
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        return await reader.ReadAsync(cancellationToken) ? new StoredClaims(reader.GetInt64(0), reader.GetFieldValue<byte[]>(1)) : null;
    }

    public static async Task<long> VersionAsync(NpgsqlDataSource source, CancellationToken cancellationToken)
    {
        await using var batch = source.CreateBatch();
        batch.Then("select coalesce((select version from rollcall.claim_metadata), 0)");
        return (long)(await batch.ExecuteScalarAsync(cancellationToken))!;
    }

    public static async Task<bool> TryStoreAsync(NpgsqlDataSource source, long basedOn, byte[] body, CancellationToken cancellationToken)
    {
        await using var batch = source.CreateBatch();
        var sql = basedOn == 0
            ? "insert into rollcall.claim_metadata (version, body) values ($1 + 1, $2) on conflict do nothing"
            : "update rollcall.claim_metadata set version = $1 + 1, body = $2 where version = $1";
        batch.Then(sql).With(basedOn).With(body);
        return await batch.ExecuteNonQueryAsync(cancellationToken) == 1;
    }
}
