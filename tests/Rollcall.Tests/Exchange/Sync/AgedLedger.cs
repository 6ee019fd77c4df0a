using Microsoft.Data.Sqlite;
using Rollcall.Exchange.Ledger;
using Rollcall.Standard.Keys;

namespace Rollcall.Tests.Exchange.Sync;

/// <summary>Makes a ledger look as if an earlier Rollcall had written it, one that hashed once more what this one hashes once.</summary>
internal static class AgedLedger
{
    private const int Version = 0;

    /// <summary>Every place where a ledger keeps a hash.</summary>
    private static readonly string[] _columns = ["natural_key_hash", "full_record_hash", "intent_key_hash", "intent_record_hash", "blocked_key"];

    private static readonly OlderHash _older = new(Version, KeyOf, d => RecordHash.Compute(d.RecordHash.ToArray()));

    /// <summary>Teaches this process the earlier version.</summary>
    public static void Know() => OlderHash.All = [_older];

    public static void Age(SqliteConnection ledger)
    {
        ledger.CreateFunction("older", (byte[]? hash) => hash is null ? null : RecordHash.Compute(hash).ToArray());
        using var command = ledger.CreateCommand();
        command.CommandText = Sql("older({0})", "");
        command.ExecuteNonQuery();
    }

    /// <summary>The same for a ledger in PostgreSQL.</summary>
    public static string ForPostgres { get; } = Sql("encode(substring(sha256(uuid_send({0})) from 1 for 16), 'hex')::uuid", "sync.");

    private static string Sql(string older, string schema) => $"""
        update {schema}doc set hash_version = {Version}, {string.Join(", ", _columns.Select(c => $"{c} = {string.Format(null, older, c)}"))} where hash_version = 1;
        update {schema}profile set hash_version = {Version};
        """;

    private static KeyHash KeyOf(IReadOnlyList<string> texts)
    {
        var key = new CanonicalKey(stackalloc byte[256]);
        foreach (var text in texts)
        {
            key.Append(text);
        }

        return KeyHash.Compute(key.Hash().ToArray());
    }
}
