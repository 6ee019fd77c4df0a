using Rollcall.Serve.Authorization;

namespace Rollcall.Serve.Storage.Sqlite;

/// <summary>The stored claim metadata: one row, replaced as a whole, with a number that rises.</summary>
internal static class ClaimRows
{
    public const string Table = "CREATE TABLE claim_metadata (only_row INTEGER PRIMARY KEY CHECK (only_row = 1), version INTEGER NOT NULL, body BLOB NOT NULL) STRICT";

    public static StoredClaims? Read(Reader reader)
    {
        var find = reader.Prepared("SELECT version, body FROM claim_metadata");
        try
        {
            return find.Step() ? new StoredClaims(find.Long(0), find.Blob(1).ToArray()) : null;
        }
        finally
        {
            find.Reset();
        }
    }

    public static long Version(Reader reader)
    {
        var find = reader.Prepared("SELECT coalesce((SELECT version FROM claim_metadata), 0)");
        try
        {
            find.Step();
            return find.Long(0);
        }
        finally
        {
            find.Reset();
        }
    }

    public static bool TryStore(WriteSession session, long basedOn, ReadOnlyMemory<byte> body)
    {
        using var put = session.Db.Prepare(basedOn == 0
            ? "INSERT INTO claim_metadata (only_row, version, body) VALUES (1, ?1 + 1, ?2) ON CONFLICT DO NOTHING"
            : "UPDATE claim_metadata SET version = ?1 + 1, body = ?2 WHERE version = ?1");
        put.Bind(1, basedOn).BindBlob(2, body.Span).Run();
        return session.Db.Changes > 0;
    }
}
