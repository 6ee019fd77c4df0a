using Npgsql;

namespace Rollcall.Serve.Storage.Postgres;

/// <summary>Clients and signing keys in the same database as the documents.</summary>
internal sealed class Credentials(NpgsqlDataSource source)
{
    private const string Client =
        "select key, name, secret_hash, claim_set, namespace_prefixes, education_organization_ids, credential_epoch, is_enabled, details from rollcall.client";

    public async Task<ApiClient?> FindClientAsync(string key, CancellationToken cancellationToken)
    {
        // No key of ours holds a zero character, and PostgreSQL would refuse the question.
        if (key.Contains('\0'))
        {
            return null;
        }

        await using var batch = source.CreateBatch();
        batch.Then($"{Client} where key = $1").With(key);
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        return await reader.ReadAsync(cancellationToken) ? Read(reader) : null;
    }

    public async Task<bool> PutClientAsync(ApiClient client, CancellationToken cancellationToken)
    {
        await using var batch = source.CreateBatch();
        ThenRaiseRevision(batch);
        ThenPut(batch, client);
        return await batch.ExecuteNonQueryAsync(cancellationToken) == 2;
    }

    public static void ThenPut(NpgsqlBatch batch, ApiClient client) =>
        batch.Then("""
            insert into rollcall.client
                (key, name, secret_hash, claim_set, namespace_prefixes, education_organization_ids, credential_epoch, is_enabled, details)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
            on conflict (key) do update set
                name = excluded.name, secret_hash = excluded.secret_hash, claim_set = excluded.claim_set,
                namespace_prefixes = excluded.namespace_prefixes, education_organization_ids = excluded.education_organization_ids,
                credential_epoch = excluded.credential_epoch, is_enabled = excluded.is_enabled, details = excluded.details
            """)
            .With(client.Key).With(client.Name).With(client.SecretHash).With(client.ClaimSet)
            .With(client.NamespacePrefixes.ToArray()).With(client.EducationOrganizationIds.ToArray())
            .With(client.CredentialEpoch).With(client.IsEnabled).With(ClientDetails.Write(client));

    public async Task<bool> RemoveClientAsync(string key, CancellationToken cancellationToken)
    {
        await using var batch = source.CreateBatch();
        ThenRaiseRevision(batch);
        ThenRemove(batch, key);
        return await batch.ExecuteNonQueryAsync(cancellationToken) == 2;
    }

    /// <summary>A change of the registry writes whole clients that it has read before; raised, the revision makes it read them anew, so that it can't
    /// bring back a secret that was reset meanwhile.</summary>
    private static void ThenRaiseRevision(NpgsqlBatch batch) => batch.Then("update rollcall.registry_state set revision = revision + 1");

    public static void ThenRemove(NpgsqlBatch batch, string key) => batch.Then("delete from rollcall.client where key = $1").With(key);

    public async Task<bool> RotateAsync(SigningKey key, DateTime supersededBefore, CancellationToken cancellationToken)
    {
        await using var batch = source.CreateBatch();
        batch.Then($"select pg_advisory_xact_lock({Locks.Space}, {Locks.SigningKeys})");
        batch.Then("insert into rollcall.signing_key values ($1, $2, $3)").With(key.KeyId).With(key.Secret).With(key.CreatedUtc);
        batch.Then("""
            delete from rollcall.signing_key old
            where (select min(newer.created) from rollcall.signing_key newer where newer.created > old.created) < $1
            """).With(supersededBefore);
        await batch.ExecuteNonQueryAsync(cancellationToken);
        return true;
    }

    public async Task<IReadOnlyList<ApiClient>> ListClientsAsync(CancellationToken cancellationToken)
    {
        await using var batch = source.CreateBatch();
        batch.Then($"{Client} order by key");
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        var clients = new List<ApiClient>();
        while (await reader.ReadAsync(cancellationToken))
        {
            clients.Add(Read(reader));
        }

        return clients;
    }

    /// <summary>One batch is one transaction, and the lock makes servers that start together take turns.</summary>
    public async Task<IReadOnlyList<SigningKey>> SigningKeysAsync(SigningKey candidate, CancellationToken cancellationToken)
    {
        await using var batch = source.CreateBatch();
        batch.Then($"select pg_advisory_xact_lock({Locks.Space}, {Locks.SigningKeys})");
        batch.Then("insert into rollcall.signing_key select $1, $2, $3 where not exists (select from rollcall.signing_key)")
            .With(candidate.KeyId).With(candidate.Secret).With(candidate.CreatedUtc);
        batch.Then("select key_id, secret, created from rollcall.signing_key order by created desc, key_id");
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        await reader.NextResultAsync(cancellationToken);
        var keys = new List<SigningKey>();
        while (await reader.ReadAsync(cancellationToken))
        {
            keys.Add(new SigningKey(reader.GetString(0), reader.GetFieldValue<byte[]>(1), reader.GetDateTime(2)));
        }

        return keys;
    }

    private static ApiClient Read(NpgsqlDataReader reader) => ClientDetails.With(new ApiClient(
        reader.GetString(0), reader.GetString(1), reader.GetString(2), reader.GetString(3),
        reader.GetFieldValue<string[]>(4), reader.GetFieldValue<long[]>(5), reader.GetInt64(6), reader.GetBoolean(7)), reader.GetString(8));
}
