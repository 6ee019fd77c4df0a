namespace Rollcall.Tests.Serve.Storage;

/// <summary>A file of the format before is brought up to date when it is opened, and loses nothing.</summary>
public sealed class SqliteMigrationTests
{
    [Fact]
    public async Task A_file_of_format_1_is_brought_up_to_date()
    {
        using var file = new SqliteFile();
        await File.WriteAllBytesAsync(file.Path, await OlderStore.ReadAsync("format-1.db.gz"));
        for (var openings = 0; openings < 2; openings++)
        {
            await using var store = await file.OpenAsync(TimeProvider.System);
            if (openings == 0)
            {
                await OlderStore.IsUsableAsync(store, store);
            }
            else
            {
                Assert.Single((await new World(store).KeyChangesAsync("sections")).Items);
            }
        }
    }
}
