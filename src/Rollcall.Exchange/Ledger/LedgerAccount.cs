using System.Data.Common;
using System.Globalization;
using Microsoft.Data.Sqlite;
using Npgsql;
using Rollcall.Databases;
using Rollcall.Exchange.Sync;
using Rollcall.Standard.Model;

namespace Rollcall.Exchange.Ledger;

/// <summary>Documents of one resource that stand at one place.</summary>
public sealed record StatusCount(string Resource, DocStatus Status, long Count, bool IsInDoubt);

public sealed record RunLine(long Run, string Kind, string State, string? Actor, string? ApprovedBy, string StartedAt, string? EndedAt, long? Requests);

/// <summary>Refusals of one cause that are still open.</summary>
public sealed record ErrorLine(long Group, string Resource, int Http, string ProblemType, string Message, string Owner, long Documents, string FirstSeen, string LastSeen);

/// <summary>Rows that were wrong when they were last read.</summary>
public sealed record FindingLine(Finding Finding, IReadOnlyList<string> SourceKeys);

public sealed record HistoryLine(string At, long Run, string Call, int Http, string? Before, string? After, string? Actor, long? ErrorGroup);

/// <summary>All that the ledger knows of one document.</summary>
public sealed record DocumentAccount(
    string Resource, string KeyHash, string? Id, string? SourceKey, DocStatus Status, string? InDoubt, int? LastHttp, string? Refusal, string? BlockedBy,
    string? NextAttemptAt, IReadOnlyList<HistoryLine> History, byte[]? SentBody);

/// <summary>Reads the ledger for people, also while a run goes on: no lease, no working copy, one set of statements for both databases.</summary>
public sealed class LedgerAccount : IDisposable
{
    private readonly DbConnection _connection;
    private readonly string _schema;
    private readonly long _profileId;

    private LedgerAccount(DbConnection connection, string schema, string profile)
    {
        (_connection, _schema) = (connection, schema);
        _profileId = Rows($"select profile_id from {T("profile")} where name = @name", r => r.GetInt64(0), ("name", profile)).Cast<long?>().FirstOrDefault()
            ?? throw new LedgerException($"the ledger knows no profile {profile}: nothing has been synced yet.", isBusy: false);
    }

    /// <exception cref="LedgerException">There is no ledger, or it does not know the profile.</exception>
    public static LedgerAccount Open(string ledger, string profile)
    {
        if (SyncLedger.IsPostgres(ledger))
        {
            var server = PostgresLedger.Connect(ledger);
            try
            {
                PostgresLedgerSchema.Apply(server);
                return new LedgerAccount(server, "sync.", profile);
            }
            catch
            {
                server.Dispose();
                throw;
            }
        }

        if (!File.Exists(ledger))
        {
            throw new LedgerException($"there is no ledger {ledger}: nothing has been synced yet.", isBusy: false);
        }

        // An older file is brought up to date first, which waits for nobody: a run in progress has done it.
        if (SqliteVersionOf(ledger) < LedgerSchema.Migrations[^1].Version)
        {
            FileLedger.Open(ledger).Dispose();
        }

        var file = new SqliteConnection($"Data Source={ledger};Mode=ReadOnly;Pooling=false");
        try
        {
            file.Open();
            return new LedgerAccount(file, "", profile);
        }
        catch (SqliteException e)
        {
            file.Dispose();
            throw new DatabaseUnusableException($"{ledger} cannot be read as a ledger: {e.Message}", e);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    public IReadOnlyList<StatusCount> Counts() => Rows($"""
        select r.name, d.status, count(*), case when d.intent_op is null then 0 else 1 end from {T("doc")} d join {T("resource")} r on r.resource_id = d.resource_id
        where d.profile_id = @profile group by r.name, d.status, case when d.intent_op is null then 0 else 1 end order by r.name, d.status
        """, r => new StatusCount(r.GetString(0), (DocStatus)r.GetInt64(1), r.GetInt64(2), r.GetInt64(3) != 0));

    /// <summary>Newest first.</summary>
    public IReadOnlyList<RunLine> Runs(int runsMax) => Rows($"""
        select run_id, kind, state, actor, approved_by, started_at, ended_at, requests from {T("run")} where profile_id = @profile order by run_id desc limit @most
        """, r => new RunLine(r.GetInt64(0), r.GetString(1), r.GetString(2), Text(r, 3), Text(r, 4), r.GetString(5), Text(r, 6), Number(r, 7)), ("most", runsMax));

    /// <summary>Most documents first.</summary>
    public IReadOnlyList<ErrorLine> Errors() => Rows($"""
        select g.error_group_id, r.name, g.http, g.problem_type, g.message, g.owner, count(*), g.first_seen, g.last_seen
        from {T("error_group")} g join {T("doc")} d on d.profile_id = g.profile_id and d.error_group_id = g.error_group_id
        join {T("resource")} r on r.resource_id = g.resource_id
        where g.profile_id = @profile group by g.error_group_id, r.name, g.http, g.problem_type, g.message, g.owner, g.first_seen, g.last_seen order by 7 desc, 1
        """, r => new ErrorLine(
            r.GetInt64(0), r.GetString(1), (int)r.GetInt64(2), r.GetString(3), r.GetString(4), r.GetString(5), r.GetInt64(6), r.GetString(7), r.GetString(8)));

    public IReadOnlyList<FindingLine> Findings()
    {
        var keys = Rows($"select resource_id, finding_no, source_key from {T("finding_row")} where profile_id = @profile order by 1, 2, 3",
            r => (r.GetInt64(0), r.GetInt64(1), r.GetString(2))).ToLookup(k => (k.Item1, k.Item2), k => k.Item3);
        return Rows($"""
            select f.resource_id, f.finding_no, r.name, f.kind, f.path, f.text, f.rows, f.schools from {T("finding")} f
            join {T("resource")} r on r.resource_id = f.resource_id where f.profile_id = @profile order by f.rows desc, r.name, f.finding_no
            """, r => new FindingLine(
                new Finding(ResourceName.TryParse(r.GetString(2))!.Value, Enum.Parse<FindingKind>(r.GetString(3)), r.GetString(4), r.GetString(5), r.GetInt64(6), (int)r.GetInt64(7)),
                [.. keys[(r.GetInt64(0), r.GetInt64(1))]]));
    }

    /// <summary>What earlier versions made of a natural key; rows that no run has come across since are found by it.</summary>
    public static IEnumerable<UInt128> OlderKeyHashes(IReadOnlyList<string> texts) => OlderHash.All.Select(o => o.KeyOf(texts).Value);

    /// <summary>The documents that a key may mean: a source key, the target's id, or the hash of a natural key.</summary>
    /// <param name="resource">Null for any.</param>
    /// <param name="keyHashes">Hashes of natural keys that the text may stand for.</param>
    public IReadOnlyList<DocumentAccount> Find(string? resource, string key, IReadOnlyCollection<UInt128> keyHashes)
    {
        var hashes = keyHashes.Select(h => new Guid(Bytes(h), bigEndian: true)).ToList();
        if (Guid.TryParse(key, out var given))
        {
            hashes.Add(given);
        }

        var names = string.Join(", ", hashes.Select((_, i) => $"@h{i}"));
        var byHash = hashes.Count == 0 ? "" : $"or d.natural_key_hash in ({names}) or d.edfi_id in ({names})";
        var parameters = hashes.Select((h, i) => ($"h{i}", (object)Hash(h))).Append(("key", key)).ToList();
        if (resource is not null)
        {
            parameters.Add(("resource", resource));
        }

        var found = Rows($"""
            select d.resource_id, r.name, d.natural_key_hash, d.edfi_id, d.source_key, d.status, d.intent_op, d.last_http, d.doc_id, d.next_attempt_at, g.message,
              b.name, d.blocked_key, p.body
            from {T("doc")} d join {T("resource")} r on r.resource_id = d.resource_id
            left join {T("error_group")} g on g.profile_id = d.profile_id and g.error_group_id = d.error_group_id
            left join {T("resource")} b on b.resource_id = d.blocked_resource
            left join {T("doc_payload")} p on p.profile_id = d.profile_id and p.doc_id = d.doc_id
            where d.profile_id = @profile and (d.source_key = @key {byHash}) {(resource is null ? "" : "and r.name = @resource")} order by r.name limit 50
            """, r => (
                ResourceId: r.GetInt64(0), DocId: r.GetInt64(8),
                Account: new DocumentAccount(
                    r.GetString(1), Hex(r, 2)!, Hex(r, 3), Text(r, 4), (DocStatus)r.GetInt64(5), Number(r, 6) is { } op ? ((IntentOp)op).ToString() : null, (int?)Number(r, 7),
                    Text(r, 10), Text(r, 11) is { } parent ? $"{parent} {Hex(r, 12)}" : null,
                    Number(r, 9) is { } next ? DateTimeOffset.FromUnixTimeMilliseconds(next).ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture) : null,
                    [], r.IsDBNull(13) ? null : (byte[])r.GetValue(13))), [.. parameters]);
        return [.. found.Select(f => f.Account with { History = History(f.ResourceId, f.DocId) })];
    }

    private List<HistoryLine> History(long resourceId, long docId) => Rows($"""
        select at, run_id, op, http, before_hash, after_hash, actor, error_group_id from {T("change_log")}
        where profile_id = @profile and resource_id = @resource and doc_id = @doc order by run_id, seq
        """, r => new HistoryLine(
            r.GetString(0), r.GetInt64(1), ((IntentOp)r.GetInt64(2)).ToString(), (int)r.GetInt64(3), Hex(r, 4), Hex(r, 5), Text(r, 6), Number(r, 7)),
        ("resource", resourceId), ("doc", docId));

    /// <summary>The audit trail, oldest first.</summary>
    /// <param name="since">Time of the first line, as the ledger writes it; null for all.</param>
    public IEnumerable<TrailLine> Trail(string? since, long? run, string? resource)
    {
        var parameters = new List<(string, object)>();
        var conditions = "";
        void Where(string condition, string name, object? value)
        {
            if (value is not null)
            {
                conditions += " and " + condition;
                parameters.Add((name, value));
            }
        }

        Where("c.at >= @since", "since", since);
        Where("c.run_id = @run", "run", run);
        Where("r.name = @resource", "resource", resource);
        return Stream($"""
            select c.at, c.run_id, r.name, c.op, c.http, c.edfi_id, c.key_hash, c.before_hash, c.after_hash, c.actor, c.error_group_id
            from {T("change_log")} c join {T("resource")} r on r.resource_id = c.resource_id where c.profile_id = @profile{conditions} order by c.run_id, c.seq
            """, r => new TrailLine(
                r.GetString(0), r.GetInt64(1), r.GetString(2), ((IntentOp)r.GetInt64(3)).ToString(), (int)r.GetInt64(4), Hex(r, 5), Hex(r, 6), Hex(r, 7), Hex(r, 8),
                Text(r, 9), Number(r, 10)), [.. parameters]);
    }

    public void Dispose() => _connection.Dispose();

    private static int SqliteVersionOf(string path)
    {
        using var db = SqliteDb.OpenReader(path);
        return (int)(db.Number("pragma user_version") ?? 0);
    }

    private string T(string table) => _schema + table;

    private object Hash(Guid value) => _schema.Length > 0 ? value : value.ToByteArray(bigEndian: true);

    private static byte[] Bytes(UInt128 value)
    {
        var bytes = new byte[16];
        System.Buffers.Binary.BinaryPrimitives.WriteUInt128BigEndian(bytes, value);
        return bytes;
    }

    private static string? Text(DbDataReader row, int column) => row.IsDBNull(column) ? null : row.GetString(column);

    private static long? Number(DbDataReader row, int column) => row.IsDBNull(column) ? null : row.GetInt64(column);

    private static string? Hex(DbDataReader row, int column) => row.IsDBNull(column) ? null : row.GetValue(column) switch
    {
        byte[] bytes => new Guid(bytes, bigEndian: true).ToString("N"),
        Guid id => id.ToString("N"),
        var other => throw new InvalidOperationException(other.GetType().Name),
    };

    /// <summary>Rows as they are asked for: a trail may be longer than memory.</summary>
    private IEnumerable<TRow> Stream<TRow>(string sql, Func<DbDataReader, TRow> read, (string Name, object Value)[] parameters)
    {
        using var command = Command(sql, parameters);
        using var reader = command.ExecuteReader();
        while (reader.Read())
        {
            yield return read(reader);
        }
    }

    private DbCommand Command(string sql, (string Name, object Value)[] parameters)
    {
        var command = _connection.CreateCommand();
        command.CommandText = sql;
        foreach (var (name, value) in parameters.Append(("profile", _profileId)))
        {
            var parameter = command.CreateParameter();
            (parameter.ParameterName, parameter.Value) = (name, value);
            command.Parameters.Add(parameter);
        }

        return command;
    }

    private List<TRow> Rows<TRow>(string sql, Func<DbDataReader, TRow> read, params (string Name, object Value)[] parameters)
    {
        try
        {
            using var command = Command(sql, parameters);
            var rows = new List<TRow>();
            using var reader = command.ExecuteReader();
            while (reader.Read())
            {
                rows.Add(read(reader));
            }

            return rows;
        }
        catch (Exception e) when (e is NpgsqlException or SqliteException)
        {
            throw new LedgerException($"the ledger cannot be read: {e.Message}", isBusy: true, e);
        }
    }
}
