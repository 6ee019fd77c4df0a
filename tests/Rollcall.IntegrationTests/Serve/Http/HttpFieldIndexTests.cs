using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using Rollcall.Serve;
using Rollcall.Serve.Storage;
using Rollcall.Standard.Loading;
using Rollcall.Standard.Model;

namespace Rollcall.IntegrationTests.Serve.Http;

/// <summary>An operator's indexes come and go while the server answers, by another opening of its database as <c>serve index</c> makes.</summary>
public abstract class HttpFieldIndexTests(HttpServer server)
{
    private const string Students = "/data/v3/ed-fi/students";
    protected static readonly ResourceModel Resource = CompactModelReader.EdFi52.Core("students");

    [Fact]
    public async Task An_index_added_and_removed_beside_a_running_server_changes_no_answer()
    {
        var field = Resource.FindQueryField("maidenName")!;
        var name = server.Unique("Indexed-");
        var body = $$"""{"studentUniqueId":"{{name}}","firstName":"A","lastSurname":"B","birthDate":"2010-12-10","maidenName":"{{name}}"}""";
        var id = (await server.PostAsync(Students, body)).Is(201).Id;
        var query = $"{Students}?maidenName={name.ToUpperInvariant()}&totalCount=true";
        var before = (await server.GetAsync(query)).Is(200).HasHeader("Total-Count", "1");

        Assert.Equal(FieldIndexChange.Done, await WithIndexesAsync(i => i.AddAsync(Resource, field, Token)));
        Assert.Equal(FieldIndexChange.Nothing, await WithIndexesAsync(i => i.AddAsync(Resource, field, Token)));
        Assert.Contains(new FieldIndex(Resource, field, FieldIndexState.Ready), await WithIndexesAsync(i => i.ListAsync(Token)));
        (await server.GetAsync(query)).Is(200).HasHeader("Total-Count", "1").HasBody(before.Body);
        (await server.PutAsync($"{Students}/{id}", body.Replace($"\"maidenName\":\"{name}\"", "\"maidenName\":\"Other\"", StringComparison.Ordinal))).Is(204);
        (await server.GetAsync(query)).Is(200).HasBody("[]");
        (await server.PutAsync($"{Students}/{id}", body)).Is(204);
        Assert.Single((await server.GetAsync(query)).Is(200).Json!.AsArray());
        await IsUsedAsync(query, field);

        Assert.Equal(FieldIndexChange.Done, await WithIndexesAsync(i => i.RemoveAsync(Resource, field, Token)));
        Assert.Equal(FieldIndexChange.Nothing, await WithIndexesAsync(i => i.RemoveAsync(Resource, field, Token)));
        Assert.DoesNotContain(await WithIndexesAsync(i => i.ListAsync(Token)), i => i.Field == field);
        Assert.Single((await server.GetAsync(query)).Is(200).Json!.AsArray());
    }

    protected static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>What the database itself says of the server's query.</summary>
    protected abstract Task IsUsedAsync(string query, QueryField field);

    protected async Task<T> WithIndexesAsync<T>(Func<IFieldIndexes, Task<T>> use)
    {
        await using var stores = await ServeStores.OpenAsync(
            server.Database, CompactModelReader.EdFi52, TimeProvider.System, NullLogger.Instance, Token);
        return await use(stores.Indexes!);
    }
}

[Collection(SqliteCollection.Name)]
public sealed class SqliteHttpFieldIndexTests(SqliteServer server) : HttpFieldIndexTests(server)
{
    /// <summary>SQLite keeps no count of an index's uses: the statement that the server runs is explained in <c>SqliteFieldIndexTests</c>.</summary>
    protected override Task IsUsedAsync(string query, QueryField field) => Task.CompletedTask;
}

/// <summary>In a database of its own: an index is made only when the snapshots of clients that were open before it have ended.</summary>
public sealed class PostgresHttpFieldIndexTests(PostgresServer server) : HttpFieldIndexTests(server.OrSkip()), IClassFixture<PostgresServer>
{
    private readonly HttpServer _server = server;

    [Fact]
    public async Task An_index_that_was_broken_off_says_so_and_is_made_anew_and_two_are_not_made_at_once()
    {
        var field = Resource.FindQueryField("birthCity")!;
        Assert.Equal(FieldIndexChange.Done, await WithIndexesAsync(i => i.AddAsync(Resource, field, Token)));
        await using var connection = new NpgsqlConnection(_server.Database);
        await connection.OpenAsync(Token);
        await using var spoil = new NpgsqlCommand("update pg_index set indisvalid = false where indexrelid = 'rollcall.fx__ed_fi__students__v_birth_city'::regclass", connection);
        Assert.Equal(1, await spoil.ExecuteNonQueryAsync(Token));
        Assert.Contains(new FieldIndex(Resource, field, FieldIndexState.BrokenOff), await WithIndexesAsync(i => i.ListAsync(Token)));

        // 0x5243 and 5: what whoever makes an index holds.
        await using var hold = new NpgsqlCommand("select pg_advisory_lock(21059, 5)", connection);
        await hold.ExecuteScalarAsync(Token);
        Assert.Equal(FieldIndexChange.Busy, await WithIndexesAsync(i => i.AddAsync(Resource, field, Token)));
        await using var release = new NpgsqlCommand("select pg_advisory_unlock(21059, 5)", connection);
        await release.ExecuteScalarAsync(Token);

        Assert.Equal(FieldIndexChange.Done, await WithIndexesAsync(i => i.AddAsync(Resource, field, Token)));
        Assert.Contains(new FieldIndex(Resource, field, FieldIndexState.Ready), await WithIndexesAsync(i => i.ListAsync(Token)));
        Assert.Equal(FieldIndexChange.Done, await WithIndexesAsync(i => i.RemoveAsync(Resource, field, Token)));
    }

    /// <summary>PostgreSQL counts the scans of an index; sessions report theirs now and then.</summary>
    protected override async Task IsUsedAsync(string query, QueryField field)
    {
        await using var connection = new NpgsqlConnection(_server.Database);
        await connection.OpenAsync(Token);
        long scans;
        do
        {
            (await _server.GetAsync(query)).Is(200);
            await Task.Delay(100, Token);
            await using var count = new NpgsqlCommand(
                "select coalesce(sum(idx_scan), 0)::bigint from pg_stat_user_indexes where indexrelname = 'fx__ed_fi__students__v_maiden_name'", connection);
            scans = (long)(await count.ExecuteScalarAsync(Token))!;
        }
        while (scans == 0 && Interlocked.Increment(ref _looks) < 300);
        Assert.True(scans > 0, "The server's queries do not use the index.");
    }

    private int _looks;
}
