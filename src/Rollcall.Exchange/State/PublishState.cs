using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Rollcall.Databases;

namespace Rollcall.Exchange.State;

/// <summary>One run as the state file knows it.</summary>
/// <param name="Selection">What was selected and how it is read; a run goes on only under the same.</param>
/// <param name="Base">Last change version that the store knew when it began; null when it knew none.</param>
/// <param name="Lower">First change version of its window; null for a copy without a window.</param>
/// <param name="Status"><c>running</c>, <c>done</c>, <c>refusals</c>, <c>unread</c>, <c>acknowledged</c> or <c>abandoned</c>.</param>
public sealed record StoredRun(long Id, string Selection, long? Base, long? Lower, long? Upper, string Status, DateTimeOffset StartedAt);

/// <summary>A document that the target refused for good in a run.</summary>
internal sealed record SetAside(long Id, PublishPass Pass, string Path, Guid SourceId, byte[] Body);

/// <summary>The file that keeps how far one pair of source and target has come: specified in <c>docs/formats/publish-state.md</c>. One
/// process has it at a time.</summary>
public sealed class PublishState : IDisposable
{
    /// <summary>"RcPb".</summary>
    private const int ApplicationId = 0x52635062;

    private static readonly IReadOnlyList<Migration> _migrations =
    [
        new(1, """
            create table pair(shown text not null);
            create table run(
              run_id integer primary key autoincrement, selection text not null, base integer, lower integer, upper integer, status text not null,
              started_at text not null, ended_at text);
            create table resource(
              run_id integer not null references run, pass integer not null, path text not null, is_done integer not null, total integer not null,
              settled integer not null, primary key(run_id, pass, path)) without rowid;
            create table part(part_id integer primary key, run_id integer not null references run, pass integer not null, path text not null, position text not null);
            create index part_resource_ix on part(run_id, pass, path);
            create table mark(part_id integer not null, marks blob not null);
            create index mark_part_ix on mark(part_id);
            create table set_aside(
              set_aside_id integer primary key, run_id integer not null references run, pass integer not null, path text not null, source_id blob not null,
              status integer not null, problem_type text not null, message text not null, correlation_id text, body blob not null, set_aside_at text not null);
            create table witness(run_id integer primary key references run, path text not null, target_id blob not null);
            create index set_aside_ix on set_aside(run_id, pass, path);
            """),
        // The marks before were of another hash; without them the documents that they stood for are sent once more, to no effect.
        new(2, "delete from mark;"),
        // Of a page by cursor: the page behind it has been noted, so that no second walk begins there.
        new(3, "alter table part add column is_followed integer not null default 0;"),
    ];

    private readonly FileLock _lock;
    private readonly TimeProvider _time;

    private PublishState(FileLock fileLock, SqliteDb db, string path, TimeProvider time)
    {
        _lock = fileLock;
        _time = time;
        Db = db;
        Path = path;
    }

    public string Path { get; }

    /// <summary>For one thread at a time.</summary>
    internal SqliteDb Db { get; }

    /// <param name="pair">Names source and target, without secrets.</param>
    /// <returns>Null while another process has this pair.</returns>
    /// <exception cref="InvalidDataException">The file cannot be used.</exception>
    public static PublishState? TryOpen(string folder, string pair, TimeProvider time)
    {
        var name = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(pair)))[..16];
        var path = System.IO.Path.Combine(folder, $"publish-{name}.db");
        if (!Directory.Exists(folder))
        {
            if (OperatingSystem.IsWindows())
            {
                Directory.CreateDirectory(folder);
            }
            else
            {
                Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            }
        }

        if (FileLock.TryTake(path + ".lock") is not { } fileLock)
        {
            return null;
        }

        SqliteDb? db = null;
        try
        {
            db = SqliteDb.OpenWriter(path);
            SqliteMigrations.Apply(db, ApplicationId, "a file of publish's state", _migrations);
            // A killed process loses nothing that it has written; a machine that loses power may lose the last moments, and sends them again.
            db.Execute("PRAGMA synchronous=NORMAL; PRAGMA secure_delete=ON;");
            if (db.Number("select count(*) from pair") == 0)
            {
                using var insert = db.Prepare("insert into pair(shown) values (?)");
                insert.BindText(1, pair).Run();
            }

            return new PublishState(fileLock, db, path, time);
        }
        catch (Exception exception)
        {
            db?.Dispose();
            fileLock.Dispose();
            if (exception is DatabaseUnusableException)
            {
                throw new InvalidDataException(exception.Message, exception);
            }

            throw;
        }
    }

    /// <summary>The newest run; null when there was none.</summary>
    public StoredRun? LastRun() => Run("select run_id, selection, base, lower, upper, status, started_at from run order by run_id desc limit 1");

    public StoredRun? FindRun(long id) =>
        Run(string.Create(CultureInfo.InvariantCulture, $"select run_id, selection, base, lower, upper, status, started_at from run where run_id = {id}"));

    /// <summary>Begins a run; what earlier ones kept is forgotten, unless <paramref name="adopt"/> hands on what it set aside.</summary>
    public StoredRun Begin(string selection, long? @base, long? lower, long? upper, StoredRun? adopt)
    {
        Db.Execute("begin immediate");
        using (var insert = Db.Prepare("insert into run(selection, base, lower, upper, status, started_at) values (?, ?, ?, ?, 'running', ?)"))
        {
            insert.BindText(1, selection).Bind(2, @base).Bind(3, lower).Bind(4, upper).BindText(5, Now()).Run();
        }

        var id = Db.Number("select last_insert_rowid()")!.Value;
        if (adopt is not null)
        {
            Execute($"update set_aside set run_id = {id} where run_id = {adopt.Id}");
        }

        Execute($"update run set status = 'abandoned', ended_at = '{Now()}' where run_id < {id} and status in ('running', 'unread')");
        Db.Execute("delete from mark; delete from part; delete from resource;");
        Execute($"delete from set_aside where run_id < {id}");
        Execute($"delete from witness where run_id < {id}");
        Db.Execute("commit");
        RemoveSetAsideFiles();
        return FindRun(id)!;
    }

    /// <summary>Ends a run; with <c>refusals</c> what was set aside stays.</summary>
    public void End(long run, string status)
    {
        Db.Execute("begin immediate");
        Execute($"update run set status = '{status}', ended_at = '{Now()}' where run_id = {run}");
        Db.Execute("delete from mark; delete from part; delete from resource;");
        if (status != "refusals")
        {
            Execute($"delete from set_aside where run_id = {run}");
        }

        Db.Execute("commit");
        if (status != "refusals")
        {
            RemoveSetAsideFiles();
        }
    }

    /// <summary>Marks a run that is through but for a resource that could not be read. What it has noted stays, for the next one to go on.</summary>
    public void LeaveUnread(long run) => Execute($"update run set status = 'unread' where run_id = {run}");

    public long SetAsideCount(long run) =>
        Db.Number(string.Create(CultureInfo.InvariantCulture, $"select count(*) from set_aside where run_id = {run}")) ?? 0;

    /// <summary>A document that this run has brought to the target; null when there is none yet.</summary>
    public (string Path, Guid Id)? Witness(long run)
    {
        using var row = Db.Prepare("select path, target_id from witness where run_id = ?");
        return row.Bind(1, run).Step() ? (row.Text(0), row.Id(1)) : null;
    }

    /// <summary>Where what a run set aside is written for people.</summary>
    public string SetAsideFile(long run) => string.Create(CultureInfo.InvariantCulture, $"{Path[..^3]}-run-{run}.ndjson");

    /// <summary>Writes everything that a run has set aside, one JSON object a line, in the form that <c>load</c> reads; readable by this user alone.</summary>
    public void WriteSetAsideFile(long run)
    {
        var options = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        using var file = new FileStream(SetAsideFile(run), options);
        using var rows = Db.Prepare(
            "select pass, path, source_id, status, problem_type, message, correlation_id, body from set_aside where run_id = ? order by set_aside_id");
        rows.Bind(1, run);
        while (rows.Step())
        {
            SetAsideLine.Write(
                file, (PublishPass)rows.Long(0), rows.Text(1), rows.Id(2), (int)rows.Long(3), rows.Text(4), rows.Text(5),
                rows.IsNull(6) ? null : rows.Text(6), rows.Blob(7).ToArray());
        }
    }

    internal IEnumerable<SetAside> SetAsides(long run, PublishPass pass, string path)
    {
        using var rows = Db.Prepare("select set_aside_id, source_id, body from set_aside where run_id = ? and pass = ? and path = ? order by set_aside_id");
        rows.Bind(1, run).Bind(2, (long)pass).BindText(3, path);
        var found = new List<SetAside>();
        while (rows.Step())
        {
            found.Add(new SetAside(rows.Long(0), pass, path, rows.Id(1), rows.Blob(2).ToArray()));
        }

        return found;
    }

    /// <summary>They hold records, and are kept no longer than they are of use.</summary>
    private void RemoveSetAsideFiles()
    {
        foreach (var file in Directory.EnumerateFiles(
            System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(Path))!, System.IO.Path.GetFileName(Path)[..^3] + "-run-*.ndjson"))
        {
            File.Delete(file);
        }
    }

    private StoredRun? Run(string sql)
    {
        using var row = Db.Prepare(sql);
        return row.Step()
            ? new StoredRun(
                row.Long(0), row.Text(1), row.LongOrNull(2), row.LongOrNull(3), row.LongOrNull(4), row.Text(5),
                DateTimeOffset.Parse(row.Text(6), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal))
            : null;
    }

    private void Execute(FormattableString sql) => Db.Execute(sql.ToString(CultureInfo.InvariantCulture));

    private string Now() => _time.GetUtcNow().ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    public void Dispose()
    {
        Db.Dispose();
        _lock.Dispose();
    }
}
