using System.Collections.Concurrent;
using Npgsql;
using Rollcall.Serve.Queries;
using Rollcall.Serve.Storage;
using Rollcall.Serve.Storage.Postgres;

namespace Rollcall.IntegrationTests.Serve.Storage;

/// <summary>Two stores on one database, as two server processes have them, writing the same things at the same time.</summary>
public sealed class PostgresConcurrencyTests(PostgresFixture postgres, ITestOutputHelper output)
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Two_servers_posting_the_same_keys_create_each_once()
    {
        await using var database = await postgres.WithSchemaAsync();
        await using var first = await database.OpenStoreAsync();
        await using var second = await database.OpenStoreAsync();
        var created = new ConcurrentDictionary<string, int>();
        var versions = new ConcurrentBag<long>();
        for (var round = 0; round < 20; round++)
        {
            await Task.WhenAll(Enumerable.Range(0, 160).Select(async i =>
            {
                var key = $"S{round}-{i / 4}";
                var store = i % 2 == 0 ? first : second;
                var outcome = await store.PostAsync("students", StoreDocuments.Student(key, $"Surname{i % 4}"));
                if (outcome is WriteOutcome.Created made)
                {
                    created.AddOrUpdate(key, 1, (_, n) => n + 1);
                    versions.Add(made.ChangeVersion);
                }
                else if (outcome is WriteOutcome.Updated updated)
                {
                    versions.Add(updated.ChangeVersion);
                }
                else
                {
                    Assert.IsType<WriteOutcome.Unchanged>(outcome);
                }
            }));
        }

        output.WriteLine($"lost races {first.Counters.LostRaces + second.Counters.LostRaces}");
        Assert.Equal(800, created.Count);
        Assert.All(created.Values, n => Assert.Equal(1, n));
        Assert.Equal(800L, await database.ScalarAsync<long>("select count(*) from rollcall.ed_fi__students"));
        Assert.Equal(versions.Count, versions.Distinct().Count());
        Assert.True(first.Counters.LostRaces + second.Counters.LostRaces > 0, "No race was lost, so nothing was proved.");
    }

    [Fact]
    public async Task A_window_of_change_versions_never_misses_a_writer_that_stopped_between_drawing_and_commit()
    {
        await using var database = await postgres.WithSchemaAsync();
        await using var slow = await database.OpenStoreAsync();
        await using var quick = await database.OpenStoreAsync();
        await slow.SeedAsync();
        await quick.PostAsync("schools", StoreDocuments.School(1));
        await slow.CreateAsync("students", StoreDocuments.Student("S0"));
        var before = await quick.NewestChangeVersionAsync(Token);
        Assert.Equal(await database.ScalarAsync<long>("select last_value from rollcall.change_version"), before);

        // The slow writer has inserted its row, versions drawn, and waits for the school while its foreign keys are checked.
        await using var blocker = await database.ConnectAsync();
        await using var transaction = await blocker.BeginTransactionAsync();
        await new NpgsqlCommand("select row_id from rollcall.ed_fi__schools for update", blocker).ExecuteScalarAsync();
        var stopped = slow.PostAsync("studentSchoolAssociations", StoreDocuments.Enrollment("S0", 1));
        await WaitForLockAsync(database);

        var overtaking = await quick.CreateAsync("students", StoreDocuments.Student("S1"));
        var newest = await quick.NewestChangeVersionAsync(Token);
        var unsafeNewest = await database.ScalarAsync<long>("select last_value from rollcall.change_version");
        var firstWindow = await InWindowAsync(0, newest);
        await transaction.RollbackAsync();
        var late = Assert.IsType<WriteOutcome.Created>(await stopped);
        Assert.True(late.ChangeVersion < overtaking.ChangeVersion, "The stopped writer had not drawn yet.");
        Assert.True(newest < late.ChangeVersion);

        // A reader goes on where its window ended, and finds both.
        var afterwards = await quick.NewestChangeVersionAsync(Token);
        var secondWindow = await InWindowAsync(newest + 1, afterwards);
        Assert.DoesNotContain(late.Id, firstWindow);
        Assert.Contains(late.Id, secondWindow);
        Assert.Contains(overtaking.Id, firstWindow.Concat(secondWindow));
        Assert.True(afterwards >= overtaking.ChangeVersion);

        // Negative control: with the sequence alone the first window would have ended beyond the late row, which was not in it.
        Assert.True(unsafeNewest >= late.ChangeVersion);
        Assert.DoesNotContain(late.Id, await InWindowAsync(unsafeNewest + 1, long.MaxValue));

        async Task<List<Guid>> InWindowAsync(long min, long max)
        {
            var ids = new List<Guid>();
            foreach (var endpoint in new[] { "students", "studentSchoolAssociations" })
            {
                var page = new Collected();
                await quick.QueryAsync(new QueryPlan(StoreDocuments.Standard.Core(endpoint), 0, 500, false, null, min, max, [], false), page, Token);
                ids.AddRange(page.Documents.Select(d => d.Id));
            }

            return ids;
        }
    }

    [Fact]
    public async Task A_lock_of_another_program_in_the_same_database_holds_back_nothing()
    {
        await using var database = await postgres.WithSchemaAsync();
        await using var store = await database.OpenStoreAsync();
        await store.CreateAsync("students", StoreDocuments.Student("S0"));
        await using var other = await database.ConnectAsync();
        await new NpgsqlCommand("select pg_advisory_lock(0), pg_advisory_lock(21059, 0)", other).ExecuteScalarAsync();
        Assert.Equal(await database.ScalarAsync<long>("select last_value from rollcall.change_version"), await store.NewestChangeVersionAsync(Token));

        // Negative control: one of ours does.
        await new NpgsqlCommand($"select pg_advisory_lock_shared({Locks.VersionMark} | 1)", other).ExecuteScalarAsync();
        Assert.Equal(1, await store.NewestChangeVersionAsync(Token));
    }

    [Fact]
    public async Task Random_writes_of_two_servers_with_deadlocks_leave_exactly_what_their_outcomes_say()
    {
        var seed = Environment.TickCount;
        output.WriteLine($"seed {seed}");
        await using var database = await postgres.WithSchemaAsync();
        await database.RunAsync($"alter database {new NpgsqlConnectionStringBuilder(database.ConnectionString).Database} set deadlock_timeout = '10ms'");
        await using var first = await database.OpenStoreAsync();
        await using var second = await database.OpenStoreAsync();
        await first.SeedAsync();
        await second.PostAsync("schools", StoreDocuments.School(1));
        var students = StoreDocuments.Standard.Core("students");

        // S0 is enrolled for good: it can never be deleted.
        var ids = new ConcurrentDictionary<string, Guid> { ["S0"] = (await first.CreateAsync("students", StoreDocuments.Student("S0"))).Id };
        await first.CreateAsync("studentSchoolAssociations", StoreDocuments.Enrollment("S0", 1));
        var counts = new ConcurrentDictionary<string, int>();
        using var stop = new CancellationTokenSource();

        // A stranger that locks rows in any order: what makes deadlocks sure.
        var stranger = Task.Run(async () =>
        {
            var random = new Random(seed);
            await using var connection = await database.ConnectAsync();
            while (!stop.IsCancellationRequested)
            {
                try
                {
                    await using var transaction = await connection.BeginTransactionAsync();
                    for (var i = 0; i < 3; i++)
                    {
                        await new NpgsqlCommand($"select row_id from rollcall.ed_fi__students where v_student_unique_id = 'S{random.Next(12)}' for update", connection).ExecuteScalarAsync();
                        await Task.Delay(2);
                    }

                    await transaction.CommitAsync();
                }
                catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.DeadlockDetected)
                {
                }
            }
        });
        await Task.WhenAll(Enumerable.Range(0, 24).Select(worker => Task.Run(async () =>
        {
            var random = new Random(seed + worker);
            var store = worker % 2 == 0 ? first : second;
            for (var i = 0; i < 100; i++)
            {
                var key = $"S{random.Next(12)}";
                var outcome = random.Next(10) switch
                {
                    < 5 => await store.PostAsync("students", StoreDocuments.Student(key, $"N{random.Next(100)}")),
                    < 7 when ids.TryGetValue(key, out var id) =>
                        await store.ReplaceAsync(id, StoreDocuments.Read(store, "students", StoreDocuments.Student(key, $"R{random.Next(100)}")), Precondition.None, Token),
                    < 8 when ids.TryGetValue(key, out var id) => await store.DeleteAsync(students, id, Precondition.None, Token),
                    < 9 => await store.PostAsync("studentSchoolAssociations", StoreDocuments.Enrollment(key, 1)) switch
                    {
                        WriteOutcome.Created made => await store.DeleteAsync(StoreDocuments.Standard.Core("studentSchoolAssociations"), made.Id, Precondition.None, Token) is WriteOutcome.Deleted
                            ? new WriteOutcome.NotFound()
                            : throw new InvalidOperationException("The enrollment was gone."),
                        var other => other is WriteOutcome.Unresolved or WriteOutcome.Unchanged ? new WriteOutcome.NotFound() : throw new InvalidOperationException($"{other}"),
                    },
                    _ => new WriteOutcome.NotFound(),
                };
                counts.AddOrUpdate(outcome.GetType().Name, 1, (_, n) => n + 1);
                if (outcome is WriteOutcome.Created { Id: var newId })
                {
                    ids[key] = newId;
                }
            }
        })));
        await stop.CancelAsync();
        await stranger;

        var (deadlocks, lost) = (first.Counters.Deadlocks + second.Counters.Deadlocks, first.Counters.LostRaces + second.Counters.LostRaces);
        output.WriteLine($"deadlocks {deadlocks}, lost races {lost}, {string.Join(", ", counts.Select(c => $"{c.Key} {c.Value}"))}");
        var rows = await database.ScalarAsync<long>("select count(*) from rollcall.ed_fi__students");
        var recorded = await database.ScalarAsync<long>(
            "select count(*) from rollcall.deleted d join rollcall.resource r on r.number = d.resource where r.name like '%/students' or r.name like '%.students'");
        Assert.Equal(1 + counts["Created"] - counts["Deleted"], rows);
        Assert.Equal(counts["Deleted"], recorded);
        Assert.Equal(0L, await database.ScalarAsync<long>("select count(*) from rollcall.deleted d join rollcall.ed_fi__students s on s.id = d.id"));
        Assert.True(deadlocks > 0, "There was no deadlock, so nothing was proved about them.");
        Assert.All(new[] { "Created", "Updated", "Deleted", "NotFound", "Referenced" }, name => Assert.True(counts.ContainsKey(name), $"{name} never happened."));
    }

    [Fact]
    public async Task A_descriptor_deleted_by_one_server_while_another_uses_it_never_dangles()
    {
        var seed = Environment.TickCount;
        output.WriteLine($"seed {seed}");
        await using var database = await postgres.WithSchemaAsync();
        await using var deleting = await database.OpenStoreAsync();
        await using var writing = await database.OpenStoreAsync();
        await deleting.SeedAsync();
        var (categories, schools) = (StoreDocuments.Standard.Core("educationOrganizationCategoryDescriptors"), StoreDocuments.Standard.Core("schools"));
        var counts = new ConcurrentDictionary<string, int>();
        using var stop = new CancellationTokenSource();
        var writers = Enumerable.Range(0, 8).Select(worker => Task.Run(async () =>
        {
            var random = new Random(seed + worker);
            while (!stop.IsCancellationRequested)
            {
                var read = StoreDocuments.Read(writing, "schools", StoreDocuments.School(100 + worker, $"C{random.Next(3)}"));
                await Task.Delay(random.Next(3));
                var outcome = await writing.UpsertAsync(read, Precondition.None, Token);
                Count("write", outcome);
                if (outcome is WriteOutcome.Created made)
                {
                    await Task.Delay(random.Next(3));
                    await writing.DeleteAsync(schools, made.Id, Precondition.None, Token);
                }
            }
        })).ToArray();
        var random = new Random(seed);
        for (var i = 0; i < 150; i++)
        {
            var made = await deleting.PostAsync("educationOrganizationCategoryDescriptors", StoreDocuments.Category($"C{i % 3}"));
            var id = made switch
            {
                WriteOutcome.Created c => c.Id,
                WriteOutcome.Unchanged u => u.Id,
                _ => throw new InvalidOperationException($"{made}"),
            };
            await Task.Delay(random.Next(8));
            Count("delete", await deleting.DeleteAsync(categories, id, Precondition.None, Token));
        }

        await stop.CancelAsync();
        await Task.WhenAll(writers);
        output.WriteLine(string.Join(", ", counts.Select(c => $"{c.Key} {c.Value}")));
        Assert.Equal(0L, await database.ScalarAsync<long>(
            "select count(*) from rollcall.ed_fi__schools s, unnest(s.descriptors) used where not exists (select from rollcall.descriptor d where d.row_id = used)"));
        Assert.All(
            new[] { "write Created", "write StaleDescriptors", "delete Deleted", "delete Referenced" },
            name => Assert.True(counts.ContainsKey(name), $"{name} never happened."));

        void Count(string what, WriteOutcome outcome) => counts.AddOrUpdate($"{what} {outcome.GetType().Name}", 1, (_, n) => n + 1);
    }

    [Fact]
    public async Task A_descriptor_that_goes_between_a_groups_reading_and_its_writing_is_noticed()
    {
        await using var database = await postgres.WithSchemaAsync();
        await using var store = await database.OpenStoreAsync();
        await store.SeedAsync();

        // Another server's deletion: it has the lock, scanned, and is about to commit.
        await using var deleting = await database.ConnectAsync();
        await using var transaction = await deleting.BeginTransactionAsync();
        await new NpgsqlCommand(Descriptors.LockExclusive, deleting).ExecuteNonQueryAsync();
        var writing = store.UpsertAsync(StoreDocuments.Read(store, "schools", StoreDocuments.School(2)), Precondition.None, Token).AsTask();
        await WaitForLockAsync(database);
        await new NpgsqlCommand($"delete from rollcall.descriptor where code_value = 'School'; {Descriptors.RaiseEpoch}", deleting).ExecuteNonQueryAsync();
        await transaction.CommitAsync();
        Assert.IsType<WriteOutcome.StaleDescriptors>(await writing);
        Assert.Equal(1L, await database.ScalarAsync<long>("select count(*) from rollcall.ed_fi__schools"));
        Assert.IsType<WriteOutcome.Unresolved>(await store.PostAsync("schools", StoreDocuments.School(2)));
    }

    [Fact]
    public async Task A_key_change_that_meets_an_unknown_descriptor_does_not_wait_for_a_deletion_that_waits_for_it()
    {
        await using var database = await postgres.WithSchemaAsync();
        await using var store = await database.OpenStoreAsync();
        await store.SeedAsync();
        var period = await store.CreateAsync("classPeriods", StoreDocuments.ClassPeriod(1, "P"));
        await using var other = await database.OpenStoreAsync();
        await other.CreateAsync("gradeLevelDescriptors", StoreDocuments.GradeLevel.Replace("First", "Second", StringComparison.Ordinal));
        await other.CreateAsync("bellSchedules", StoreDocuments.BellSchedule(1, "B", "P").Replace(
            "{\"bellScheduleName\"", "{\"gradeLevels\":[{\"gradeLevelDescriptor\":\"uri://ed-fi.org/GradeLevelDescriptor#Second\"}],\"bellScheduleName\"", StringComparison.Ordinal));

        // The key change has the shared lock and waits for a row that follows; then a deletion asks for the lock.
        await using var holding = await database.ConnectAsync();
        await using var held = await holding.BeginTransactionAsync();
        await new NpgsqlCommand("select from rollcall.ed_fi__bell_schedules for update", holding).ExecuteNonQueryAsync();
        var renaming = store.ReplaceAsync(period.Id, StoreDocuments.Read(store, "classPeriods", StoreDocuments.ClassPeriod(1, "Q")), Precondition.None, Token).AsTask();
        await WaitersAsync(1);
        await using var deleting = await database.ConnectAsync();
        await using var deletion = await deleting.BeginTransactionAsync();
        var locking = new NpgsqlCommand(Descriptors.LockExclusive, deleting).ExecuteNonQueryAsync();
        await WaitersAsync(2);
        await held.RollbackAsync();
        Assert.IsType<WriteOutcome.Updated>(await renaming);
        await locking;
        await deletion.RollbackAsync();
        var page = new Collected();
        await store.QueryAsync(new QueryPlan(StoreDocuments.Standard.Core("bellSchedules"), 0, 10, false, null, null, null, [], false), page, Token);
        Assert.Contains("\"Q\"", Assert.Single(page.Documents).Body, StringComparison.Ordinal);

        async Task WaitersAsync(int count)
        {
            while (await database.ScalarAsync<long>("select count(distinct pid) from pg_locks where not granted") < count)
            {
                await Task.Delay(20, Token);
            }
        }
    }

    [Fact]
    public async Task A_document_that_is_written_while_its_descriptors_deletion_scans_is_found_by_it()
    {
        await using var database = await postgres.WithSchemaAsync();
        await using var store = await database.OpenStoreAsync();
        await store.SeedAsync();
        var unused = await store.CreateAsync("educationOrganizationCategoryDescriptors", StoreDocuments.Category("Late"));
        var row = await database.ScalarAsync<long>("select row_id from rollcall.descriptor where code_value = 'Late'");

        // Another server's writer has the shared lock; the deletion has scanned and waits for it.
        await using var writing = await database.ConnectAsync();
        await using var transaction = await writing.BeginTransactionAsync();
        await new NpgsqlCommand(Descriptors.LockShared, writing).ExecuteNonQueryAsync();
        var deleting = store.DeleteAsync(StoreDocuments.Standard.Core("educationOrganizationCategoryDescriptors"), unused.Id, Precondition.None, Token).AsTask();
        await WaitForLockAsync(database);
        await new NpgsqlCommand(
            $"update rollcall.ed_fi__schools set descriptors = descriptors || {row}::bigint, change_version = nextval('rollcall.change_version')", writing).ExecuteNonQueryAsync();
        await transaction.CommitAsync();
        Assert.Equal(["School"], Assert.IsType<WriteOutcome.Referenced>(await deleting).ReferringTypes);
    }

    [Fact]
    public async Task A_descriptor_added_by_another_server_is_taken_in_when_a_document_needs_it()
    {
        await using var database = await postgres.WithSchemaAsync();
        await using var first = await database.OpenStoreAsync();
        await using var second = await database.OpenStoreAsync();
        await first.SeedAsync();
        var read = StoreDocuments.Read(second, "schools", StoreDocuments.School(2));
        Assert.NotEmpty(read.UnknownDescriptors);
        Assert.IsType<WriteOutcome.StaleDescriptors>(await second.UpsertAsync(read, Precondition.None, Token));
        await second.CreateAsync("schools", StoreDocuments.School(2));
        Assert.IsType<WriteOutcome.Unresolved>(await second.PostAsync("schools", StoreDocuments.School(3, "No such category")));
    }

    [Fact]
    public async Task A_respelled_descriptor_reaches_the_other_server()
    {
        await using var database = await postgres.WithSchemaAsync();
        await using var first = await database.OpenStoreAsync();
        await using var second = await database.OpenStoreAsync();
        await first.SeedAsync();
        await second.PostAsync("schools", StoreDocuments.School(2));
        Assert.IsType<WriteOutcome.Updated>(await first.PostAsync("educationOrganizationCategoryDescriptors", StoreDocuments.Category("SCHOOL")));
        await second.CreateAsync("schools", StoreDocuments.School(4));
        Assert.Contains(second.Descriptors.All, d => d.CodeValue == "SCHOOL");
        Assert.DoesNotContain(second.Descriptors.All, d => d.CodeValue == "School");
    }

    [Fact]
    public async Task A_reference_in_a_collection_that_has_gone_undoes_the_whole_document()
    {
        await using var database = await postgres.WithSchemaAsync();
        await using var first = await database.OpenStoreAsync();
        await using var second = await database.OpenStoreAsync();
        await first.SeedAsync();
        await first.CreateAsync("students", StoreDocuments.Student("S1"));
        await first.CreateAsync("disciplineDescriptors", """{"namespace":"uri://d","codeValue":"D","shortDescription":"D"}""");
        var staff = await first.CreateAsync("staffs", """{"staffUniqueId":"T1","firstName":"F","lastSurname":"L"}""");
        Assert.IsType<WriteOutcome.Deleted>(await second.DeleteAsync(StoreDocuments.Standard.Core("staffs"), staff.Id, Precondition.None, Token));
        var outcome = Assert.IsType<WriteOutcome.Unresolved>(await first.PostAsync("disciplineActions", """
            {"disciplineActionIdentifier":"1","disciplineDate":"2025-09-01","disciplines":[{"disciplineDescriptor":"uri://d#D"}],
             "responsibilitySchoolReference":{"schoolId":1},"studentReference":{"studentUniqueId":"S1"},
             "staffs":[{"staffReference":{"staffUniqueId":"T1"} }]}
            """));
        Assert.Equal("$.staffs[0].staffReference", outcome.References.Single().Path);
        Assert.True(first.Counters.StaleReferences > 0, "The staff member was not remembered, so this proved nothing.");
        Assert.Equal(0L, await database.ScalarAsync<long>("select count(*) from rollcall.ed_fi__discipline_actions"));
    }

    private static async Task WaitForLockAsync(TestDatabase database)
    {
        while (await database.ScalarAsync<long>("select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()") == 0)
        {
            await Task.Delay(5);
        }
    }
}
