using System.Text;
using Rollcall.Tests.Serve.Storage;

namespace Rollcall.IntegrationTests.Serve.Storage;

/// <summary>A database of the format before is brought up to date when it is opened, and loses nothing.</summary>
public sealed class PostgresMigrationTests(PostgresFixture postgres)
{
    [Fact]
    public async Task A_database_of_format_1_is_brought_up_to_date()
    {
        _ = postgres.Server;
        await using var database = await postgres.EmptyAsync();
        await database.RunAsync(Encoding.UTF8.GetString(await OlderStore.ReadAsync("format-1.sql.gz")));
        await using (var store = await database.OpenStoreAsync())
        {
            await OlderStore.IsUsableAsync(store, store);
        }

        await using var again = await database.OpenStoreAsync();
        Assert.Single((await new World(again).KeyChangesAsync("sections")).Items);
    }
}
