using SQLitePCL;

namespace Rollcall.Databases;

/// <summary>One connection to a SQLite file: for one thread at a time, without the copies and boxes of an ADO.NET provider.
/// A writer sets the file up for durable commits: write-ahead log, <c>synchronous=FULL</c>, foreign keys on.</summary>
public sealed class SqliteDb : IDisposable
{
    /// <summary>How long a statement waits for another process before it fails with <see cref="SqliteFailureException.IsLocked"/>.</summary>
    private const int BusyTimeoutMilliseconds = 10_000;

    /// <summary>64 MB of log before its pages are copied into the file: a page changed often is then copied once. Measured: with
    /// SQLite's default of 1,000 pages, random index pages are copied at every tenth commit and inserts take half as long again.
    /// Only the writer copies, between its own commits.</summary>
    private const int CheckpointPages = 16_384;

    private static readonly Lock SetUp = new();
    private static bool _isSetUp;

    private readonly sqlite3 _handle;

    private SqliteDb(sqlite3 handle, string path)
    {
        _handle = handle;
        Path = path;
    }

    public string Path { get; }

    /// <summary>Whether no transaction is open.</summary>
    public bool IsAutocommit => raw.sqlite3_get_autocommit(_handle) != 0;

    /// <summary>Rows that the last INSERT, UPDATE or DELETE touched.</summary>
    public int Changes => raw.sqlite3_changes(_handle);

    /// <summary>Opens the file for writing; a missing one is created, readable by its owner only.</summary>
    /// <param name="cacheKilobytes">Page cache of this connection. While a file is smaller than 1 GB SQLite walks the whole cache
    /// at a commit that split a page, so a large one costs more than the system's own cache behind a small one.</param>
    /// <exception cref="DatabaseUnusableException">The file cannot be opened or is no SQLite database.</exception>
    public static SqliteDb OpenWriter(string path, int cacheKilobytes = 16_384) => Opened(path, () =>
    {
        CreatePrivate(path);
        var db = Open(path, raw.SQLITE_OPEN_READWRITE | raw.SQLITE_OPEN_NOMUTEX);
        try
        {
            // foreign_keys and synchronous are per connection; journal_mode stays with the file.
            db.Execute($"""
                PRAGMA journal_mode=WAL;
                PRAGMA synchronous=FULL;
                PRAGMA foreign_keys=ON;
                PRAGMA temp_store=MEMORY;
                PRAGMA cache_size=-{cacheKilobytes};
                PRAGMA wal_autocheckpoint={CheckpointPages};
                PRAGMA journal_size_limit=134217728;
                """);
            return db;
        }
        catch
        {
            db.Dispose();
            throw;
        }
    });

    /// <summary>Opens an existing file for reading only.</summary>
    /// <exception cref="DatabaseUnusableException">The file cannot be opened or is no SQLite database.</exception>
    public static SqliteDb OpenReader(string path, int cacheKilobytes = 16_384) => Opened(path, () =>
    {
        var db = Open(path, raw.SQLITE_OPEN_READONLY | raw.SQLITE_OPEN_NOMUTEX);
        try
        {
            db.Execute($"PRAGMA temp_store=MEMORY; PRAGMA cache_size=-{cacheKilobytes}; PRAGMA query_only=ON;");
            return db;
        }
        catch
        {
            db.Dispose();
            throw;
        }
    });

    /// <summary>Runs statements separated by semicolons; rows are ignored.</summary>
    public void Execute(string sql)
    {
        var code = raw.sqlite3_exec(_handle, sql, out var message);
        if (code != raw.SQLITE_OK)
        {
            throw new SqliteFailureException(raw.sqlite3_extended_errcode(_handle), message ?? "");
        }
    }

    public SqliteStatement Prepare(string sql)
    {
        var code = raw.sqlite3_prepare_v3(_handle, sql, raw.SQLITE_PREPARE_PERSISTENT, out var statement);
        return code == raw.SQLITE_OK ? new SqliteStatement(this, statement) : throw Failure(code);
    }

    /// <summary>The first column of the first row, as a number; null when there is no row.</summary>
    public long? Number(string sql)
    {
        using var statement = Prepare(sql);
        return statement.Step() ? statement.Long(0) : null;
    }

    /// <summary>The first column of the first row, as text; null when there is no row.</summary>
    public string? Text(string sql)
    {
        using var statement = Prepare(sql);
        return statement.Step() ? statement.Text(0) : null;
    }

    /// <summary>Undoes the open transaction, if one is open.</summary>
    public void Rollback()
    {
        if (!IsAutocommit)
        {
            Execute("ROLLBACK");
        }
    }

    /// <summary>Ends a running statement of this connection from another thread.</summary>
    public void Interrupt() => raw.sqlite3_interrupt(_handle);

    public void Dispose() => _handle.manual_close_v2();

    internal SqliteFailureException Failure(int code)
    {
        var extended = raw.sqlite3_extended_errcode(_handle);
        return new SqliteFailureException((extended & 0xff) == (code & 0xff) ? extended : code, raw.sqlite3_errmsg(_handle).utf8_to_string() ?? "");
    }

    private static SqliteDb Open(string path, int flags)
    {
        Initialize();
        var code = raw.sqlite3_open_v2(path, out var handle, flags, null);
        if (code != raw.SQLITE_OK)
        {
            var message = handle is null || handle.IsInvalid ? "cannot open" : raw.sqlite3_errmsg(handle).utf8_to_string();
            handle?.manual_close_v2();
            throw new SqliteFailureException(code, message ?? "cannot open");
        }

        raw.sqlite3_extended_result_codes(handle, 1);
        raw.sqlite3_busy_timeout(handle, BusyTimeoutMilliseconds);
        return new SqliteDb(handle, path);
    }

    private static SqliteDb Opened(string path, Func<SqliteDb> open)
    {
        try
        {
            return open();
        }
        catch (SqliteFailureException failure) when (failure.IsUnusableFile)
        {
            throw new DatabaseUnusableException($"{path} cannot be used as a database: {failure.Message}.", failure);
        }
        catch (SqliteFailureException failure) when (failure.IsLocked)
        {
            throw new DatabaseUnusableException($"{path} is in use by another connection, which does not let it go.", failure);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new DatabaseUnusableException($"{path} cannot be used as a database: {failure.Message}", failure);
        }
    }

    /// <summary>The log and its index inherit the permissions of the file.</summary>
    /// <summary>Makes an empty file that only its owner can read; leaves one that is there as it is.</summary>
    public static void CreatePrivate(string path)
    {
        if (!File.Exists(path))
        {
            var options = new FileStreamOptions { Mode = FileMode.OpenOrCreate, Access = FileAccess.ReadWrite, Share = FileShare.ReadWrite };
            if (!OperatingSystem.IsWindows())
            {
                options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
            }

            using var created = new FileStream(path, options);
        }
    }

    /// <summary>Memory statistics take a process-wide lock at each allocation; they can be turned off before the first connection only.</summary>
    private static void Initialize()
    {
        lock (SetUp)
        {
            if (!_isSetUp)
            {
                Batteries_V2.Init();
                raw.sqlite3_config(raw.SQLITE_CONFIG_MEMSTATUS, 0);
                _isSetUp = true;
            }
        }
    }
}
