using System.Text;
using Npgsql;
using Rollcall.Tests.Serve.Storage;

namespace Rollcall.IntegrationTests.Serve.Http;

/// <summary>A server that starts over a database which an older Rollcall wrote (format 1; see <see cref="OlderStore"/>) serves what is in it, and what is new.</summary>
public abstract class OlderDatabaseTests
{
    protected abstract HttpServer Server { get; }

    [Rule("10.older-database")]
    [Fact]
    public async Task A_database_of_format_1_is_brought_up_to_date_at_the_start()
    {
        await using var server = Server;
        await server.InitializeAsync();
        Assert.Equal("Gone", (string)Assert.Single((await server.GetAsync("/data/v3/ed-fi/students/deletes")).Is(200).Json!.AsArray())!["keyValues"]!["studentUniqueId"]!);
        var session = Assert.Single((await server.GetAsync("/data/v3/ed-fi/sessions")).Is(200).Json!.AsArray())!.AsObject();
        var newest = (long)(await server.GetAsync("/changeQueries/v1/availableChangeVersions")).Is(200).Json!["newestChangeVersion"]!;
        (await server.GetAsync("/data/v3/ed-fi/sections/keyChanges")).Is(200).HasBody("[]");

        // What that version could not do: a new key that the section follows.
        session["sessionName"] = "Autumn";
        (await server.PutAsync($"/data/v3/ed-fi/sessions/{session["id"]}", session.ToJsonString())).Is(204);
        var section = Assert.Single((await server.GetAsync($"/data/v3/ed-fi/sections?minChangeVersion={newest + 1}")).Is(200).Json!.AsArray())!;
        Assert.Equal("Autumn", (string)section["courseOfferingReference"]!["sessionName"]!);
        var change = Assert.Single((await server.GetAsync("/data/v3/ed-fi/sections/keyChanges")).Is(200).Json!.AsArray())!;
        Assert.Equal(((string)section["id"]!, "Autumn"), ((string)change["id"]!, (string)change["newKeyValues"]!["sessionName"]!));
        (await server.GetAsync("/health")).Is(200);
    }
}

public sealed class SqliteOlderDatabaseTests : OlderDatabaseTests
{
    protected override HttpServer Server { get; } = new OlderSqliteServer();

    private sealed class OlderSqliteServer : SqliteServer
    {
        protected override async Task<string> DatabaseAsync()
        {
            var path = await base.DatabaseAsync();
            await File.WriteAllBytesAsync(path, await OlderStore.ReadAsync("format-1.db.gz"));
            return path;
        }

        protected override Task PrepareAsync() => Task.CompletedTask;
    }
}

public sealed class PostgresOlderDatabaseTests(PostgresFixture postgres) : OlderDatabaseTests
{
    protected override HttpServer Server { get; } = new OlderPostgresServer(postgres).OrSkip();

    private sealed class OlderPostgresServer(PostgresFixture postgres) : PostgresServer(postgres)
    {
        protected override async Task<string> DatabaseAsync()
        {
            // The fixture's own database, emptied: what is in it is that version's from the first statement on.
            var text = await base.DatabaseAsync();
            await using var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(text) { Pooling = false }.ConnectionString);
            await connection.OpenAsync();
            await using var load = new NpgsqlCommand("drop schema rollcall cascade;\n" + Encoding.UTF8.GetString(await OlderStore.ReadAsync("format-1.sql.gz")), connection);
            await load.ExecuteNonQueryAsync();
            return text;
        }

        protected override Task PrepareAsync() => Task.CompletedTask;
    }
}
