using System.Globalization;
using Rollcall.Databases;

namespace Rollcall.Exchange.Ledger;

/// <summary>The SQLite file that remembers, per document, what the target has acknowledged and what is in doubt.
/// One process at a time may use it: an operating system lock beside the file, which ends with the process, is the lease.</summary>
public sealed class SyncLedger : IDisposable
{
    public const int HashVersion = 1;
    private readonly FileStream _lock;
    private readonly TimeProvider _time;
    private readonly SqliteStatement _saveCounter;
    private readonly Dictionary<string, int> _resources = new(StringComparer.Ordinal);
    private long _nextDocId;
    private long _savedDocId;

    private SyncLedger(SqliteDb db, FileStream @lock, TimeProvider time)
    {
        (Db, _lock, _time) = (db, @lock, time);
        _saveCounter = db.Prepare("update profile set next_doc_id = ? where profile_id = ?");
    }

    internal SqliteDb Db { get; }

    internal long ProfileId { get; private set; }

    /// <summary>Rises with every run.</summary>
    public long Epoch { get; private set; }

    internal long RunId { get; private set; }

    internal byte[]? ConfigFingerprint { get; private set; }

    /// <summary>Told at every step that a killed process may not reach; tests end runs there.</summary>
    internal Action<string>? Probe { get; set; }

    /// <exception cref="LedgerException">Another process uses the ledger, or it was made for another target.</exception>
    /// <exception cref="DatabaseUnusableException">The file is no ledger, or a newer Rollcall's.</exception>
    public static SyncLedger Open(string path, string profile, string targetUrl, int? schoolYear, TimeProvider time)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
        FileStream? held = null;
        SqliteDb? db = null;
        try
        {
            held = Lock(path);
            db = SqliteDb.OpenWriter(path);
            SqliteMigrations.Apply(db, LedgerSchema.ApplicationId, "a Rollcall sync ledger", LedgerSchema.Migrations);
            db.Execute("pragma temp_store = file");
            db.Execute(LedgerSchema.Plan);
            var ledger = new SyncLedger(db, held, time);
            ledger.OpenProfile(profile, targetUrl.TrimEnd('/'), schoolYear);
            return ledger;
        }
        catch
        {
            db?.Dispose();
            held?.Dispose();
            throw;
        }
    }

    private static FileStream Lock(string path)
    {
        try
        {
            var options = new FileStreamOptions { Mode = FileMode.OpenOrCreate, Access = FileAccess.ReadWrite, Share = FileShare.None };
            if (!OperatingSystem.IsWindows())
            {
                options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
            }

            return new FileStream(path + ".lock", options);
        }
        catch (IOException e)
        {
            throw new LedgerException($"another run uses the ledger {path}; wait until it has ended, or end it.", isBusy: true, e);
        }
        catch (UnauthorizedAccessException e)
        {
            throw new LedgerException($"the ledger {path} cannot be written: {e.Message}", isBusy: false, e);
        }
    }

    private void OpenProfile(string name, string targetUrl, int? schoolYear)
    {
        using var find = Db.Prepare("select profile_id, target_url, school_year, config_fingerprint, next_doc_id, epoch from profile where name = ?");
        if (find.BindText(1, name).Step())
        {
            if (find.Text(1) != targetUrl || find.LongOrNull(2) != schoolYear)
            {
                throw new LedgerException(
                    $"the ledger {Db.Path} remembers the profile {name} at {find.Text(1)}{Year(find.LongOrNull(2))}, not at {targetUrl}{Year(schoolYear)}. "
                    + "Another target or year needs another profile name or ledger: what the ledger knows to be there is not there.", isBusy: false);
            }

            ProfileId = find.Long(0);
            ConfigFingerprint = find.IsNull(3) ? null : find.Blob(3).ToArray();
            _nextDocId = _savedDocId = find.Long(4);
            Epoch = find.Long(5);
            return;
        }

        using var add = Db.Prepare("""
            insert into profile(name, target_url, school_year, hash_version, next_doc_id, epoch, created_at) values(?, ?, ?, ?, 1, 0, ?) returning profile_id
            """);
        add.BindText(1, name).BindText(2, targetUrl).Bind(3, schoolYear).Bind(4, (long)HashVersion).BindText(5, Now()).Step();
        ProfileId = add.Long(0);
        add.Reset();
        _nextDocId = _savedDocId = 1;

        static string Year(long? year) => year is { } y ? string.Create(CultureInfo.InvariantCulture, $" for {y}") : "";
    }

    /// <summary>Opens the run's record; from here on its epoch is the profile's.</summary>
    internal void BeginRun(string? approvedBy)
    {
        Epoch++;
        using var bump = Db.Prepare("update profile set epoch = ? where profile_id = ?");
        using var add = Db.Prepare("insert into run(profile_id, epoch, state, approved_by, started_at) values(?, ?, 'running', ?, ?) returning run_id");
        Commit(() =>
        {
            bump.Bind(1, Epoch).Bind(2, ProfileId).Run();
            add.Bind(1, ProfileId).Bind(2, Epoch).BindText(3, approvedBy).BindText(4, Now()).Step();
            RunId = add.Long(0);
            add.Reset();
        });
    }

    /// <summary>Closes the run's record.</summary>
    /// <param name="fingerprint">What the mapping was, once its deletes are no longer in question; null to keep the one before.</param>
    internal void EndRun(string state, long requests, byte[]? fingerprint)
    {
        using var end = Db.Prepare("update run set state = ?, ended_at = ?, requests = ? where run_id = ?");
        using var profile = Db.Prepare("update profile set config_fingerprint = coalesce(?, config_fingerprint) where profile_id = ?");
        Commit(() =>
        {
            end.BindText(1, state).BindText(2, Now()).Bind(3, requests).Bind(4, RunId).Run();
            _ = fingerprint is null ? profile.BindNull(1) : profile.BindBlob(1, fingerprint);
            profile.Bind(2, ProfileId).Run();
        });
    }

    /// <summary>The ledger's number for a resource.</summary>
    internal int ResourceId(string name)
    {
        if (_resources.TryGetValue(name, out var id))
        {
            return id;
        }

        using var find = Db.Prepare("insert into resource(name) values(?) on conflict(name) do update set name = excluded.name returning resource_id");
        find.BindText(1, name).Step();
        id = (int)find.Long(0);
        find.Reset();
        return _resources[name] = id;
    }

    internal long NextDocId() => _nextDocId++;

    /// <summary>Runs <paramref name="write"/> in one durable transaction.</summary>
    internal void Commit(Action write)
    {
        Db.Execute("begin immediate");
        try
        {
            write();
            if (_nextDocId != _savedDocId)
            {
                _saveCounter.Bind(1, _nextDocId).Bind(2, ProfileId).Run();
            }

            Db.Execute("commit");
            _savedDocId = _nextDocId;
        }
        catch
        {
            Db.Rollback();
            throw;
        }
    }

    internal string Now() => _time.GetUtcNow().UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);

    internal long NowMilliseconds() => _time.GetUtcNow().ToUnixTimeMilliseconds();

    public void Dispose()
    {
        _saveCounter.Dispose();
        Db.Dispose();
        _lock.Dispose();
    }
}

/// <summary>The ledger cannot be used for this run.</summary>
/// <param name="isBusy">Another process has it; the same run may succeed later.</param>
public sealed class LedgerException(string message, bool isBusy, Exception? inner = null) : Exception(message, inner)
{
    public bool IsBusy { get; } = isBusy;
}
