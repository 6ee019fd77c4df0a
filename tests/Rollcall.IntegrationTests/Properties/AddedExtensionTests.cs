using Microsoft.Extensions.Logging;
using Rollcall.IntegrationTests.EndToEnd;
using Rollcall.Serve;
using Rollcall.Tests.Standard.Loading;

namespace Rollcall.IntegrationTests.Properties;

/// <summary>Extensions come to a database that has documents, and do not go unnoticed.</summary>
public sealed class AddedExtensionTests(PostgresFixture postgres)
{
    [Fact]
    [Rule("9.1.added-later", Stores = RuleStores.Both)]
    public async Task On_SQLite_an_extension_is_added_to_a_database_and_cannot_be_left_out()
    {
        using var folder = new TemporaryFolder();
        await AddAsync(folder.File("api.db"));
    }

    [Fact]
    [Rule("9.1.added-later", Stores = RuleStores.Both)]
    public async Task On_PostgreSQL_an_extension_is_added_to_a_database_and_cannot_be_left_out()
    {
        await using var database = await postgres.EmptyAsync();
        await AddAsync(database.ConnectionString);
    }

    [Fact]
    public async Task A_broken_extension_ends_the_start_with_4_and_says_what_is_wrong()
    {
        using var folder = new TemporaryFolder();
        await File.WriteAllTextAsync(folder.File("x.json"), "{");
        var run = await RollcallCli.RunAsync("serve", "--sandbox", "--database", folder.File("api.db"), "--extension", folder.File("x.json"));
        Assert.Equal(4, run.ExitCode);
        Assert.Contains("x.json is no JSON", run.Errors, StringComparison.Ordinal);
        Assert.False(File.Exists(folder.File("api.db")));
    }

    [Fact]
    public async Task A_compact_model_of_an_extension_is_made_compared_and_served()
    {
        using var folder = new TemporaryFolder();
        var compact = folder.File("sample.json");
        var run = await RollcallCli.RunAsync("model", "import", ExtensionModels.Path("sample"), "--out", compact);
        Assert.True(run.ExitCode == 0, run.Output + run.Errors);
        Assert.Contains("Sample 1.1.0: 4 resources, 3 descriptors, 9 extended resources", run.Output, StringComparison.Ordinal);
        Assert.Contains(" 0 differences", run.Output, StringComparison.Ordinal);
        await using var server = await RollcallServer.StartAsync(folder.File("api.db"), "--extension", compact);
        using var client = await server.ConnectAsync();
        Assert.Equal(201, await PostAsync(client, "sample/buses", """{"busId":"1"}"""));
    }

    private static async Task AddAsync(string database)
    {
        const string School = """
            {"schoolId":1,"nameOfInstitution":"X","educationOrganizationCategories":[{"educationOrganizationCategoryDescriptor":"uri://ed-fi.org/EducationOrganizationCategoryDescriptor#School"}],
             "gradeLevels":[{"gradeLevelDescriptor":"uri://ed-fi.org/GradeLevelDescriptor#Tenth grade"}] EXT}
            """;
        await using (var before = await RollcallServer.StartAsync(database))
        {
            using var client = await before.ConnectAsync();
            Assert.Equal(201, await PostAsync(client, "ed-fi/schools", School.Replace("EXT", "", StringComparison.Ordinal)));
            Assert.Equal(404, await PostAsync(client, "sample/buses", """{"busId":"1"}"""));
        }

        await using (var after = await RollcallServer.StartAsync(database, "--extension", ExtensionModels.Path("sample")))
        {
            using var client = await after.ConnectAsync();
            Assert.Equal(201, await PostAsync(client, "sample/buses", """{"busId":"1"}"""));
            Assert.Equal(200, await PostAsync(client, "ed-fi/schools", School.Replace(
                "EXT", ""","_ext":{"sample":{"directlyOwnedBuses":[{"directlyOwnedBusReference":{"busId":"1"}}]}}""", StringComparison.Ordinal)));
        }

        var refused = await Assert.ThrowsAsync<ServeStartException>(() => ServeHost.StartAsync(
            new ServeOptions { Urls = ["http://127.0.0.1:0"], Database = database, LogLevel = LogLevel.None }, CancellationToken.None));
        Assert.Contains("Name the file of each missing extension with --extension: Sample 1.1.0.", refused.Message, StringComparison.Ordinal);

        // Another one beside it is welcome, in any order.
        await using var all = await RollcallServer.StartAsync(database, [.. ExtensionFiles.All.SelectMany(f => (string[])["--extension", f])]);
        using var last = await all.ConnectAsync();
        Assert.Contains("\"busId\":\"1\"", await last.GetStringAsync("data/v3/ed-fi/schools?schoolId=1"), StringComparison.Ordinal);
    }

    private static async Task<int> PostAsync(HttpClient client, string resource, string body)
    {
        using var response = await client.PostAsync($"data/v3/{resource}", new StringContent(body, new System.Net.Http.Headers.MediaTypeHeaderValue("application/json")));
        return (int)response.StatusCode;
    }
}
