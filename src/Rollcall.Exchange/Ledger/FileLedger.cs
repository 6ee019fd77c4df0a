using Rollcall.Databases;

namespace Rollcall.Exchange.Ledger;

/// <summary>A ledger in a SQLite file. One process at a time may use it: an operating system lock beside the file, which ends with the process, is the lease.</summary>
internal sealed class FileLedger : ILedgerHome
{
    private readonly FileStream _lock;

    private FileLedger(SqliteDb db, FileStream @lock) => (Db, _lock) = (db, @lock);

    public SqliteDb Db { get; }

    public string Name => Db.Path;

    public TimeSpan? Left => null;

    /// <exception cref="LedgerException">Another process uses the ledger.</exception>
    /// <exception cref="DatabaseUnusableException">The file is no ledger, or a newer Rollcall's.</exception>
    public static FileLedger Open(string path)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
        var held = Lock(path);
        SqliteDb? db = null;
        try
        {
            const string Kind = "a Rollcall sync ledger";
            SqliteMigrations.RefuseAnother(path, LedgerSchema.ApplicationId, Kind);
            db = SqliteDb.OpenWriter(path);
            SqliteMigrations.Apply(db, LedgerSchema.ApplicationId, Kind, LedgerSchema.Migrations);
            // What is forgotten is not to be found in the file either.
            db.Execute("pragma temp_store = file; pragma secure_delete = on");
            return new FileLedger(db, held);
        }
        catch
        {
            db?.Dispose();
            held.Dispose();
            throw;
        }
    }

    public long? FindProfile(string name)
    {
        using var find = Db.Prepare("select profile_id from profile where name = ?");
        return find.BindText(1, name).Step() ? find.Long(0) : null;
    }

    public void Take(long profileId)
    {
    }

    public long NewNumber(string table, string? name)
    {
        if (name is not null)
        {
            using var find = Db.Prepare($"select {table}_id from {table} where name = ?");
            if (find.BindText(1, name).Step())
            {
                return find.Long(0);
            }
        }

        return (Db.Number($"select max({table}_id) from {table}") ?? 0) + 1;
    }

    public void Publish()
    {
    }

    public void LoadMore(string table, string condition)
    {
    }

    public void Prune(long profileId, string before)
    {
        using var trail = Db.Prepare("delete from change_log where profile_id = ?1 and at < ?2");
        using var bodies = Db.Prepare($"delete from doc_payload where {LedgerSchema.PrunedBodies("?1", "?2", "")}");
        Db.Execute("begin immediate");
        trail.Bind(1, profileId).BindText(2, before).Run();
        bodies.Bind(1, profileId).BindText(2, before).Run();
        Db.Execute("commit");
    }

    public void Dispose()
    {
        Db.Dispose();
        _lock.Dispose();
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
}
