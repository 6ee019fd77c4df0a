using Npgsql;
using Rollcall.Serve.Authorization;
using Rollcall.Serve.Storage;
using Rollcall.Serve.Storage.Postgres;
using Rollcall.Tests.Serve.Storage;

namespace Rollcall.IntegrationTests.Serve.Storage;

/// <summary>Lists of callers who see a part, on PostgreSQL.</summary>
public sealed class PostgresRestrictedListTests(PostgresFixture postgres) : RestrictedListConformance, IAsyncLifetime
{
    private readonly AdvancedTime _time = new();
    private TestDatabase? _database;
    private PostgresDocumentStore? _store;

    public ValueTask InitializeAsync() => default;

    public async ValueTask DisposeAsync()
    {
        await (_store?.DisposeAsync() ?? default);
        await (_database?.DisposeAsync() ?? default);
    }

    [Fact]
    public async Task Pages_of_rows_that_are_known_are_not_checked_again_until_something_is_written()
    {
        var world = await ClassesAsync();
        CallerClaims[] callers = [new([1], [])];
        Settle();
        await CompareClassesAsync(world, callers, walks: 3);

        // Behind the store's back, without a version: only who looks at the enrolments can see it.
        await _database!.RunAsync("update rollcall.ed_fi__student_school_associations set v_student_unique_id = 'gone ' || v_student_unique_id");
        await CompareClassesAsync(world, callers, walks: 1);
        await world.CreateAsync("students", World.Student("Other"));
        await CompareClassesAsync(world, callers, walks: 1);
        await world.CreateAsync("studentSchoolAssociations", World.Enrollment("Other", 30));
        await Assert.ThrowsAsync<Xunit.Sdk.TrueException>(() => CompareClassesAsync(world, callers, walks: 1));
    }

    [Fact]
    public async Task A_relationship_that_was_being_deleted_while_rows_became_known_is_noticed_when_it_is_gone()
    {
        var world = await ClassesAsync();
        CallerClaims[] callers = [new([1], [])];
        Settle();
        await using var connection = new NpgsqlConnection(_database!.ConnectionString);
        await connection.OpenAsync();
        await using var transaction = await connection.BeginTransactionAsync();
        await using var delete = new NpgsqlCommand($"""
            {ChangeVersions.Hold};
            with gone as (delete from rollcall.ed_fi__student_school_associations where v_student_unique_id = 'S1' returning row_id, id, key_hash)
            insert into rollcall.deleted (change_version, resource, row_id, id, key_hash, key_values)
            select nextval('rollcall.change_version'), r.number, g.row_id, g.id, g.key_hash, ''
            from gone g, rollcall.resource r where r.name = 'ed-fi/studentSchoolAssociations'
            """, connection);
        Assert.Equal(1, await delete.ExecuteNonQueryAsync());

        // With a later version, and there before: what is known now does not count for everything up to the newest version.
        await world.CreateAsync("students", World.Student("Other"));
        Settle();
        await CompareClassesAsync(world, callers, walks: 3);
        await transaction.CommitAsync();
        Enrolments.Remove(("S1", 10));
        await CompareClassesAsync(world, callers, walks: 2);
        Settle();
        await CompareClassesAsync(world, callers, walks: 3);
    }

    protected override async Task<IDocumentStore> OpenAsync()
    {
        _database = await postgres.WithSchemaAsync();
        await _database.RunAsync("select setval('rollcall.change_version', 200000)");
        return _store = await _database.OpenStoreAsync(_time);
    }

    protected override void Settle() => _time.Advance(TimeSpan.FromSeconds(2));

    protected override async Task<IDocumentStore> MakeOlderAndOpenAsync()
    {
        await _store!.DisposeAsync();
        await _database!.RunAsync("""
            do $$
            declare
                thing record;
            begin
                for thing in select p.oid::regprocedure as name from pg_proc p where p.pronamespace = 'rollcall'::regnamespace and p.proname <> 'require' loop
                    execute 'drop function ' || thing.name || ' cascade';
                end loop;
                for thing in select name from rollcall.definition where sql ~ '^create index .*(, row_id\)|\(v_[a-z_]+, [a-z_]+_row\)$|\(v_[a-z_]+, v_[a-z_]+\)$)' and sql not like '%descriptor%' loop
                    execute 'drop index rollcall.' || thing.name;
                    delete from rollcall.definition d where d.name = thing.name;
                end loop;
                for thing in select t.tablename as name from pg_tables t where t.schemaname = 'rollcall'
                    and (t.tablename like 'organization\_%' or t.tablename like 'former\_%' or t.tablename in ('access_version', 'recorded_elements')) loop
                    execute 'drop table rollcall.' || thing.name;
                end loop;
                delete from rollcall.definition where name like '%()' or name like 'tg\_\_%' or name like 'former\_%' or name like 'ix\_\_organization\_closure\_%'
                    or name in ('organization_closure', 'organization_parent', 'recorded_elements', 'access_version', 'organizations placed');
                update rollcall.meta set fingerprint = null;
            end $$
            """);
        Assert.False(await _database.ScalarAsync<bool>(@"select exists (select from pg_indexes where indexname like '%\_\_list') or to_regclass('rollcall.organization_closure') is not null"));
        _store = await _database.OpenStoreAsync();
        Assert.True(await _database.ScalarAsync<long>(@"select count(*) from pg_indexes where indexname like '%\_\_list'") > 30);
        return _store;
    }

    /// <summary>A clock that goes as any other, and can be put forward.</summary>
    private sealed class AdvancedTime : TimeProvider
    {
        private long _ahead;

        public override long GetTimestamp() => base.GetTimestamp() + Volatile.Read(ref _ahead);

        public void Advance(TimeSpan by) => Interlocked.Add(ref _ahead, (long)(by.TotalSeconds * TimestampFrequency));
    }
}
