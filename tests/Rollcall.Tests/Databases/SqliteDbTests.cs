using Rollcall.Databases;

namespace Rollcall.Tests.Databases;

/// <summary>Connections, statements and migrations of a SQLite file.</summary>
public sealed class SqliteDbTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("rollcall-db-").FullName;

    private string File => Path.Combine(_folder, "x.db");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Values_come_back_as_they_were_bound()
    {
        using var db = SqliteDb.OpenWriter(File);
        db.Execute("CREATE TABLE t (a, b, c, d, e, f)");
        var id = Guid.Parse("01234567-89ab-cdef-0123-456789abcdef");
        var longText = new string('ü', 2000) + "'; --";
        using (var insert = db.Prepare("INSERT INTO t VALUES (?1, ?2, ?3, ?4, ?5, ?6)"))
        {
            insert.Bind(1, long.MinValue).BindText(2, longText).BindBlob(3, []).Bind(4, id).Bind(5, UInt128.MaxValue - 7).BindNull(6).Run();
            insert.Bind(1, (long?)null).BindText(2, "").BindBlob(3, [0, 1]).Bind(4, id).Bind(5, UInt128.Zero).BindText(6, (string?)null).Run();
        }

        using var select = db.Prepare("SELECT a, b, c, d, e, f, hex(d) FROM t ORDER BY rowid");
        Assert.True(select.Step());
        Assert.Equal((long.MinValue, longText, 0, id, UInt128.MaxValue - 7), (select.Long(0), select.Text(1), select.Blob(2).Length, select.Id(3), select.Hash(4)));
        Assert.True(select.IsNull(5));
        Assert.Equal("0123456789ABCDEF0123456789ABCDEF", select.Text(6));
        Assert.True(select.Step());
        Assert.Null(select.LongOrNull(0));
        Assert.Equal(("", 2), (select.Text(1), select.Blob(2).Length));
        Assert.True(select.IsNull(5));
        Assert.False(select.Step());
    }

    [Fact]
    public void A_failure_names_its_kind_and_no_value()
    {
        using var db = SqliteDb.OpenWriter(File);
        db.Execute("CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE c (p INTEGER REFERENCES p, u TEXT UNIQUE); INSERT INTO c VALUES (NULL, 'secret')");
        using var insert = db.Prepare("INSERT INTO c VALUES (?1, ?2)");

        var foreign = Assert.Throws<SqliteFailureException>(() => insert.Bind(1, 5L).BindText(2, "x").Run());
        var unique = Assert.Throws<SqliteFailureException>(() => insert.BindNull(1).BindText(2, "secret").Run());

        Assert.True(foreign is { IsForeignKey: true, IsConstraint: true });
        Assert.True(unique is { IsForeignKey: false, IsConstraint: true });
        Assert.DoesNotContain("secret", unique.Message, StringComparison.Ordinal);
        insert.BindNull(1).BindText(2, "other").Run();
        Assert.Equal(2, db.Number("SELECT count(*) FROM c"));
    }

    [Fact]
    public void A_reader_cannot_write_and_a_missing_file_is_not_created_by_it()
    {
        Assert.Throws<DatabaseUnusableException>(() => SqliteDb.OpenReader(File));
        Assert.False(System.IO.File.Exists(File));
        using var writer = SqliteDb.OpenWriter(File);
        writer.Execute("CREATE TABLE t (a)");
        using var reader = SqliteDb.OpenReader(File);

        Assert.Throws<SqliteFailureException>(() => reader.Execute("INSERT INTO t VALUES (1)"));
        Assert.Equal(0, reader.Number("SELECT count(*) FROM t"));
    }

    [Fact]
    public void Migrations_run_once_in_order_and_all_or_none()
    {
        var first = new Migration(1, "CREATE TABLE a (x); INSERT INTO a VALUES (1)");
        var second = new Migration(2, "INSERT INTO a VALUES (2)");
        using var db = SqliteDb.OpenWriter(File);

        SqliteMigrations.Apply(db, 7, "a test", [first]);
        SqliteMigrations.Apply(db, 7, "a test", [first, second]);
        SqliteMigrations.Apply(db, 7, "a test", [first, second]);
        Assert.Throws<SqliteFailureException>(() => SqliteMigrations.Apply(db, 7, "a test", [first, second, new Migration(3, "INSERT INTO a VALUES (3); nonsense")]));

        Assert.Equal((2, 3, 2), (db.Number("SELECT count(*) FROM a"), db.Number("SELECT sum(x) FROM a"), db.Number("PRAGMA user_version")));
        Assert.True(db.IsAutocommit);
    }

    [Fact]
    public void Files_of_another_kind_or_a_newer_version_are_refused()
    {
        using var db = SqliteDb.OpenWriter(File);
        SqliteMigrations.Apply(db, 7, "a test", [new Migration(1, "CREATE TABLE a (x)"), new Migration(2, "CREATE TABLE b (x)")]);

        Assert.Contains("newer", Assert.Throws<DatabaseUnusableException>(() => SqliteMigrations.Apply(db, 7, "a test", [new Migration(1, "")])).Message, StringComparison.Ordinal);
        Assert.Contains("not a ledger", Assert.Throws<DatabaseUnusableException>(() => SqliteMigrations.Apply(db, 8, "a ledger", [new Migration(1, "")])).Message, StringComparison.Ordinal);
    }
}
