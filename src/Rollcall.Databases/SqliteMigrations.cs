namespace Rollcall.Databases;

/// <summary>Brings a SQLite file to the newest format of its kind, and refuses files of another kind or a newer format.
/// The format is the file's <c>user_version</c>, the kind its <c>application_id</c>.</summary>
public static class SqliteMigrations
{
    /// <summary>Refuses another program's file before it is opened for writing, which would change how that program finds it. What already has a
    /// write-ahead log is not changed by opening, and is judged by <see cref="Apply"/>.</summary>
    /// <exception cref="DatabaseUnusableException">The file is not of this kind.</exception>
    public static void RefuseAnother(string path, int applicationId, string kind)
    {
        if (File.Exists(path) && HasNoLog(path))
        {
            using var db = SqliteDb.OpenReader(path);
            CheckKind(db, applicationId, kind);
        }
    }

    /// <param name="applicationId">The kind of file, a number of our choice that is not 0.</param>
    /// <param name="kind">The kind in words for a person: <c>a Rollcall database</c>.</param>
    /// <exception cref="DatabaseUnusableException">The file is not of this kind, or a newer Rollcall wrote it.</exception>
    public static void Apply(SqliteDb db, int applicationId, string kind, IReadOnlyList<Migration> migrations)
    {
        var version = CheckKind(db, applicationId, kind);
        if (Migrations.Pending(migrations, version, db.Path).Count == 0)
        {
            return;
        }

        db.Execute("BEGIN IMMEDIATE");
        try
        {
            // Another process may have migrated it while this one waited for the lock.
            foreach (var migration in Migrations.Pending(migrations, (int)db.Number("PRAGMA user_version")!.Value, db.Path))
            {
                db.Execute(migration.Sql);
                db.Execute($"PRAGMA user_version={migration.Version}");
            }

            db.Execute($"PRAGMA application_id={applicationId}");
            db.Execute("COMMIT");
        }
        catch
        {
            db.Rollback();
            throw;
        }
    }

    /// <summary>A SQLite file in the mode in which files are made unless somebody says otherwise; bytes 18 and 19 of the header tell.</summary>
    private static bool HasNoLog(string path)
    {
        Span<byte> header = stackalloc byte[20];
        try
        {
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            return file.ReadAtLeast(header, header.Length, throwOnEndOfStream: false) == header.Length && header[18] == 1;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new DatabaseUnusableException($"{path} cannot be used as a database: {failure.Message}", failure);
        }
    }

    private static int CheckKind(SqliteDb db, int applicationId, string kind)
    {
        var version = (int)(Read(db, "PRAGMA user_version") ?? 0);
        if (Read(db, "PRAGMA application_id") != applicationId && (version != 0 || Read(db, "SELECT count(*) FROM sqlite_schema") != 0))
        {
            throw new DatabaseUnusableException($"{db.Path} is not {kind}: another program made it. Give the path of a new file, or of one that Rollcall made.");
        }

        return version;
    }

    private static long? Read(SqliteDb db, string sql)
    {
        try
        {
            return db.Number(sql);
        }
        catch (SqliteFailureException failure) when (failure.IsUnusableFile)
        {
            throw new DatabaseUnusableException($"{db.Path} cannot be used as a database: {failure.Message}.", failure);
        }
    }
}
