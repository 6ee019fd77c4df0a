namespace Rollcall.Databases;

/// <summary>Brings a SQLite file to the newest format of its kind, and refuses files of another kind or a newer format.
/// The format is the file's <c>user_version</c>, the kind its <c>application_id</c>.</summary>
public static class SqliteMigrations
{
    /// <param name="applicationId">The kind of file, a number of our choice that is not 0.</param>
    /// <param name="kind">The kind in words for a person: <c>a Rollcall database</c>.</param>
    /// <exception cref="DatabaseUnusableException">The file is not of this kind, or a newer Rollcall wrote it.</exception>
    public static void Apply(SqliteDb db, int applicationId, string kind, IReadOnlyList<Migration> migrations)
    {
        var version = (int)(Read(db, "PRAGMA user_version") ?? 0);
        if (Read(db, "PRAGMA application_id") != applicationId)
        {
            if (version != 0 || Read(db, "SELECT count(*) FROM sqlite_schema") != 0)
            {
                throw new DatabaseUnusableException($"{db.Path} is not {kind}: another program made it. Give the path of a new file, or of one that Rollcall made.");
            }
        }

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
