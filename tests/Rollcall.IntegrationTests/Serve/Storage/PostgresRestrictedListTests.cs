using Rollcall.Serve.Storage;
using Rollcall.Serve.Storage.Postgres;
using Rollcall.Tests.Serve.Storage;

namespace Rollcall.IntegrationTests.Serve.Storage;

/// <summary>Lists of callers who see a part, on PostgreSQL.</summary>
public sealed class PostgresRestrictedListTests(PostgresFixture postgres) : RestrictedListConformance, IAsyncLifetime
{
    private TestDatabase? _database;
    private PostgresDocumentStore? _store;

    public ValueTask InitializeAsync() => default;

    public async ValueTask DisposeAsync()
    {
        await (_store?.DisposeAsync() ?? default);
        await (_database?.DisposeAsync() ?? default);
    }

    protected override async Task<IDocumentStore> OpenAsync()
    {
        _database = await postgres.WithSchemaAsync();
        await _database.RunAsync("select setval('rollcall.change_version', 200000)");
        return _store = await _database.OpenStoreAsync();
    }

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
}
