using Microsoft.Extensions.Logging.Abstractions;
using Rollcall.Databases;
using Rollcall.Serve.Storage;
using Rollcall.Serve.Storage.Sqlite;

namespace Rollcall.Tests.Serve.Storage;

/// <summary>What only the SQLite store can do or suffer: files of other kinds, locks, full disks, several processes.</summary>
public sealed class SqliteDocumentStoreTests : IDisposable
{
    private readonly SqliteFile _file = new();

    public void Dispose() => _file.Dispose();

    [Fact]
    public async Task The_writers_live_connection_flushes_each_commit_and_enforces_foreign_keys()
    {
        await using var store = await _file.OpenAsync(TimeProvider.System);

        Assert.Equal("wal", await store.SettingAsync("journal_mode", default));
        Assert.Equal("2", await store.SettingAsync("synchronous", default));
        Assert.Equal("1", await store.SettingAsync("foreign_keys", default));
        Assert.NotEqual("0", await store.SettingAsync("busy_timeout", default));
    }

    [Fact]
    public async Task The_file_can_be_read_by_its_owner_only()
    {
        if (OperatingSystem.IsWindows())
        {
            Assert.Skip("Windows has no such modes.");
            return;
        }

        var path = Path.Combine(Path.GetDirectoryName(_file.Path)!, "fresh.db");
        await using var store = await SqliteDocumentStore.OpenAsync(path, World.Standard, TimeProvider.System, NullLogger.Instance, default);

        foreach (var file in new[] { path, path + "-wal", path + "-shm" })
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
        }
    }

    [Theory]
    [InlineData("this is no database, however long one makes it: ............................................................................")]
    public async Task A_file_that_is_no_database_is_refused(string content)
    {
        await File.WriteAllTextAsync(_file.Path, content);

        var refused = await Assert.ThrowsAsync<DatabaseUnusableException>(() => _file.OpenAsync(TimeProvider.System));

        Assert.Contains(_file.Path, refused.Message, StringComparison.Ordinal);
        Assert.Equal(content, await File.ReadAllTextAsync(_file.Path));
    }

    [Fact]
    public async Task A_path_in_no_folder_is_refused() => await Assert.ThrowsAsync<DatabaseUnusableException>(() => SqliteDocumentStore.OpenAsync(
        Path.Combine(_file.Path, "no", "folder.db"), World.Standard, TimeProvider.System, NullLogger.Instance, default));

    [Fact]
    public async Task Another_programs_database_is_refused_with_every_byte_as_it_was()
    {
        using (var other = SqliteDb.OpenWriter(_file.Path))
        {
            other.Execute("PRAGMA journal_mode=DELETE; CREATE TABLE theirs (x)");
        }

        var before = await File.ReadAllBytesAsync(_file.Path);
        await Assert.ThrowsAsync<DatabaseUnusableException>(() => _file.OpenAsync(TimeProvider.System));

        Assert.Equal(before, await File.ReadAllBytesAsync(_file.Path));
    }

    [Fact]
    public async Task Another_programs_database_is_refused_and_left_alone()
    {
        using (var other = SqliteDb.OpenWriter(_file.Path))
        {
            other.Execute("CREATE TABLE theirs (x)");
        }

        var refused = await Assert.ThrowsAsync<DatabaseUnusableException>(() => _file.OpenAsync(TimeProvider.System));

        Assert.Contains("another program", refused.Message, StringComparison.Ordinal);
        using var reader = SqliteDb.OpenReader(_file.Path);
        Assert.Equal(1, reader.Number("SELECT count(*) FROM sqlite_schema"));
    }

    [Fact]
    public async Task A_newer_Rollcalls_database_is_refused()
    {
        await (await _file.OpenAsync(TimeProvider.System)).DisposeAsync();
        Change("PRAGMA user_version=99");

        var refused = await Assert.ThrowsAsync<DatabaseUnusableException>(() => _file.OpenAsync(TimeProvider.System));

        Assert.Contains("newer Rollcall", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_database_of_another_data_standard_is_refused()
    {
        await (await _file.OpenAsync(TimeProvider.System)).DisposeAsync();
        Change("UPDATE meta SET value = 'Ed-Fi 4.0.0' WHERE name = 'data_standard'; UPDATE meta SET value = 'x' WHERE name = 'schema'");

        var refused = await Assert.ThrowsAsync<DatabaseUnusableException>(() => _file.OpenAsync(TimeProvider.System));

        Assert.Contains("Ed-Fi 4.0.0", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_missing_table_or_index_is_made_again_and_one_of_another_form_is_refused()
    {
        await (await _file.OpenAsync(TimeProvider.System)).DisposeAsync();
        Change("DROP INDEX ux__ed_fi__students__id; UPDATE meta SET value = 'x' WHERE name = 'schema'");
        await (await _file.OpenAsync(TimeProvider.System)).DisposeAsync();
        using (var reader = SqliteDb.OpenReader(_file.Path))
        {
            Assert.Equal(1, reader.Number("SELECT count(*) FROM sqlite_schema WHERE name = 'ux__ed_fi__students__id'"));
        }

        Change("DROP INDEX ux__ed_fi__students__id; CREATE INDEX ux__ed_fi__students__id ON ed_fi__students (id); UPDATE meta SET value = 'x' WHERE name = 'schema'");
        await Assert.ThrowsAsync<DatabaseUnusableException>(() => _file.OpenAsync(TimeProvider.System));
    }

    [Fact]
    public async Task A_full_disk_is_said_so_and_stores_nothing_of_the_request()
    {
        await using var store = await _file.OpenAsync(TimeProvider.System);
        var world = new World(store);
        await world.SeedAsync();
        var newest = await world.NewestAsync();

        await store.SettingAsync("max_page_count=1", default);
        var outcomes = await Task.WhenAll(Enumerable.Range(0, 300).Select(async i =>
            await Record.ExceptionAsync(() => world.PostAsync("students", World.Student($"S{i}", new string('x', 70))))));
        var stored = (await world.QueryAsync("students", limit: 0, total: true)).TotalCount;
        await store.SettingAsync("max_page_count=1000000", default);

        // Some fit into pages that the file has; each of the others is told, and none is there half.
        Assert.Contains(outcomes, o => o is StoreUnavailableException { Message: "The disk that holds the database is full." });
        Assert.All(outcomes, o => Assert.True(o is null or StoreUnavailableException));
        Assert.Equal(2 + outcomes.Count(o => o is null), stored);
        var after = await world.CreateAsync("students", World.Student("later"));
        Assert.True((await world.ExistingAsync("students", after)).ChangeVersion > newest);
        Assert.Equal("ok", Integrity());
    }

    [Fact]
    public async Task A_request_that_breaks_its_group_fails_alone()
    {
        await using var store = await _file.OpenAsync(TimeProvider.System);
        var world = new World(store);
        await world.SeedAsync();
        var (good, bad) = (world.Read("students", World.Student("good")), world.Read("students", World.Student("bad")));
        var broken = new Rollcall.Standard.Documents.Document
        {
            Resource = bad.Resource,
            Body = bad.Body,
            KeyHash = bad.KeyHash,
            RecordHash = bad.RecordHash,
            KeyTexts = bad.KeyTexts,
            References = bad.References,
            DescriptorRows = [3, 2, 1],
            UnknownDescriptors = bad.UnknownDescriptors,
            QueryValues = [],
            Descriptors = bad.Descriptors,
        };

        var outcomes = await Task.WhenAll(Enumerable.Range(0, 100).Select(i => Task.Run(async () =>
        {
            try
            {
                var document = i == 50 ? broken : i == 51 ? good : world.Read("students", World.Student($"S{i}"));
                return (await store.UpsertAsync(document, Precondition.None, default)).GetType().Name;
            }
            catch (IndexOutOfRangeException)
            {
                return "failed";
            }
        })));

        Assert.Equal("failed", outcomes[50]);
        Assert.All(outcomes.Where((_, i) => i != 50), o => Assert.Equal("Created", o));
        Assert.Equal(101, (await world.QueryAsync("students", limit: 0, total: true)).TotalCount);
    }

    /// <summary>The command line changes clients beside a running server; even two servers on one file must not corrupt it.</summary>
    [Fact]
    public async Task What_another_process_writes_is_noticed_before_the_next_write()
    {
        await using var first = await _file.OpenAsync(TimeProvider.System);
        await new World(first).SeedAsync();
        await using var second = await _file.OpenAsync(TimeProvider.System);
        var (one, two) = (new World(first), new World(second));

        var created = new List<Guid>();
        for (var i = 0; i < 10; i++)
        {
            var world = i % 2 == 0 ? one : two;
            created.Add(await world.CreateAsync("students", World.Student($"S{i}")));
        }

        await two.CreateAsync("gradeLevelDescriptors", World.Descriptor("Eleventh"));
        await two.CreateAsync("studentSchoolAssociations", World.Enrollment("S0", 10, grade: "Eleventh"));
        await two.DeleteAsync("students", created[1]);

        // The first still has the old descriptors: its document is stale, not wrong.
        Assert.IsType<WriteOutcome.StaleDescriptors>(await one.PostAsync("studentSchoolAssociations", World.Enrollment("S2", 10, grade: "Eleventh")));
        Assert.IsType<WriteOutcome.Created>(await one.PostAsync("studentSchoolAssociations", World.Enrollment("S2", 10, grade: "Eleventh")));
        Assert.IsType<WriteOutcome.Unresolved>(await one.PostAsync("studentSchoolAssociations", World.Enrollment("S1", 10)));
        Assert.IsType<WriteOutcome.Unchanged>(await one.PostAsync("studentSchoolAssociations", World.Enrollment("S0", 10, grade: "Eleventh")));
        var all = (await one.QueryAsync("students")).Documents;
        Assert.Equal(11, all.Count);
        Assert.Equal(11, all.Select(d => d.RowId).Distinct().Count());
        Assert.Equal(11, all.Select(d => d.ChangeVersion).Distinct().Count());
    }

    [Fact]
    public async Task After_closing_writes_are_refused_and_the_file_is_whole()
    {
        var store = await _file.OpenAsync(TimeProvider.System);
        var world = new World(store);
        await world.SeedAsync();
        var document = world.Read("students", World.Student("C"));
        await store.DisposeAsync();

        await Assert.ThrowsAsync<StoreUnavailableException>(async () => await store.UpsertAsync(document, Precondition.None, default));
        Assert.False(File.Exists(_file.Path + "-wal"));
        Assert.Equal("ok", Integrity());
    }

    [Fact]
    public async Task Every_query_field_has_a_column_and_every_reference_an_index()
    {
        await (await _file.OpenAsync(TimeProvider.System)).DisposeAsync();
        using var db = SqliteDb.OpenReader(_file.Path);
        var tables = TableModel.For(World.Standard);

        Assert.Equal(
            tables.DistinctBy(t => t.Name).Sum(t => t.ReferenceColumns.Length + t.ReferenceTables.Length),
            db.Number("SELECT count(*) FROM sqlite_schema AS t, pragma_foreign_key_list(t.name) AS f WHERE t.type = 'table' AND f.\"table\" NOT IN ('resource') AND f.\"from\" <> 'row_id'"));
        foreach (var table in tables.DistinctBy(t => t.Name))
        {
            Assert.Equal(table.ValueColumns.Length, db.Number($"SELECT count(*) FROM pragma_table_info('{table.Name}') WHERE name LIKE 'v\\_%' ESCAPE '\\'"));
            foreach (var reference in table.ReferenceColumns)
            {
                using var plan = db.Prepare($"EXPLAIN QUERY PLAN SELECT 1 FROM {table.Name} WHERE {reference.Column} = 1");
                Assert.True(plan.Step());
                Assert.Contains(reference.Index, plan.Text(3), StringComparison.Ordinal);
            }
        }
    }

    private void Change(string sql)
    {
        using var db = SqliteDb.OpenWriter(_file.Path);
        db.Execute(sql);
    }

    /// <summary>SQLite's own check of the file.</summary>
    private string? Integrity()
    {
        using var db = SqliteDb.OpenReader(_file.Path);
        return db.Number("SELECT count(*) FROM pragma_foreign_key_check") == 0 ? db.Text("PRAGMA integrity_check") : "broken foreign keys";
    }
}
