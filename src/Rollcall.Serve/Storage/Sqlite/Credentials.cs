using System.Buffers;
using System.Text.Json;
using Rollcall.Databases;

namespace Rollcall.Serve.Storage.Sqlite;

/// <summary>The statements behind <see cref="ICredentialStore"/>.</summary>
internal static class Credentials
{
    private const string Columns =
        "key, name, secret_hash, claim_set, namespace_prefixes, education_organization_ids, credential_epoch, is_enabled, details";

    public static ApiClient? Find(Reader reader, string key)
    {
        var find = reader.Prepared($"SELECT {Columns} FROM client WHERE key = ?1").BindText(1, key);
        try
        {
            return find.Step() ? Client(find) : null;
        }
        finally
        {
            find.Reset();
        }
    }

    public static IReadOnlyList<ApiClient> List(Reader reader)
    {
        var clients = new List<ApiClient>();
        var all = reader.Prepared($"SELECT {Columns} FROM client ORDER BY key");
        try
        {
            while (all.Step())
            {
                clients.Add(Client(all));
            }
        }
        finally
        {
            all.Reset();
        }

        return clients;
    }

    public static bool Put(WriteSession session, ApiClient client)
    {
        using var put = session.Db.Prepare($"INSERT OR REPLACE INTO client ({Columns}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)");
        put.BindText(1, client.Key).BindText(2, client.Name).BindText(3, client.SecretHash).BindText(4, client.ClaimSet)
            .BindText(5, Json(client.NamespacePrefixes, (writer, prefix) => writer.WriteStringValue(prefix)))
            .BindText(6, Json(client.EducationOrganizationIds, (writer, id) => writer.WriteNumberValue(id)))
            .Bind(7, client.CredentialEpoch).Bind(8, client.IsEnabled ? 1 : 0).BindText(9, ClientDetails.Write(client)).Run();
        return true;
    }

    public static bool Remove(WriteSession session, string key)
    {
        using var remove = session.Db.Prepare("DELETE FROM client WHERE key = ?1");
        remove.BindText(1, key).Run();
        return session.Db.Changes > 0;
    }

    /// <summary>In the writer's transaction, so that servers that start together agree on the first key.</summary>
    public static IReadOnlyList<SigningKey> SigningKeys(WriteSession session, SigningKey candidate)
    {
        var keys = Read(session.Db);
        if (keys.Count > 0)
        {
            return keys;
        }

        using var put = session.Db.Prepare("INSERT INTO signing_key (key_id, secret, created) VALUES (?1, ?2, ?3)");
        put.BindText(1, candidate.KeyId).BindBlob(2, candidate.Secret).Bind(3, candidate.CreatedUtc.Ticks).Run();
        return Read(session.Db);
    }

    public static bool Rotate(WriteSession session, SigningKey key, DateTime supersededBefore)
    {
        using var put = session.Db.Prepare("INSERT INTO signing_key (key_id, secret, created) VALUES (?1, ?2, ?3)");
        put.BindText(1, key.KeyId).BindBlob(2, key.Secret).Bind(3, key.CreatedUtc.Ticks).Run();
        using var remove = session.Db.Prepare("""
            DELETE FROM signing_key AS old
            WHERE (SELECT min(created) FROM signing_key AS newer WHERE newer.created > old.created) < ?1
            """);
        remove.Bind(1, supersededBefore.Ticks).Run();
        return true;
    }

    private static List<SigningKey> Read(SqliteDb db)
    {
        var keys = new List<SigningKey>();
        using var all = db.Prepare("SELECT key_id, secret, created FROM signing_key ORDER BY created DESC, key_id");
        while (all.Step())
        {
            keys.Add(new SigningKey(all.Text(0), all.Blob(1).ToArray(), new DateTime(all.Long(2), DateTimeKind.Utc)));
        }

        return keys;
    }

    private static ApiClient Client(SqliteStatement row) => ClientDetails.With(new ApiClient(
        row.Text(0),
        row.Text(1),
        row.Text(2),
        row.Text(3),
        Items(row.Text(4), item => item.GetString()!),
        Items(row.Text(5), item => item.GetInt64()),
        row.Long(6),
        row.Long(7) != 0), row.Text(8));

    private static string Json<T>(IReadOnlyList<T> items, Action<Utf8JsonWriter, T> write)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartArray();
            foreach (var item in items)
            {
                write(writer, item);
            }

            writer.WriteEndArray();
        }

        return System.Text.Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    private static List<T> Items<T>(string json, Func<JsonElement, T> read)
    {
        using var document = JsonDocument.Parse(json);
        return [.. document.RootElement.EnumerateArray().Select(read)];
    }
}
