using System.Text.Json.Nodes;
using Microsoft.Data.Sqlite;
using Rollcall.IntegrationTests.EndToEnd;
using Rollcall.Serve.Metadata;
using Rollcall.Standard.Loading;
using Rollcall.Tests.Standard.Loading;

namespace Rollcall.IntegrationTests.Exchange.Sync;

/// <summary><c>sync model</c>: targets with extensions, and of another data standard than the built-in one.</summary>
public sealed class SyncModelTests
{
    [Fact]
    public async Task Extension_resources_and_members_are_mapped_to_what_the_target_says_of_them()
    {
        using var folder = new TemporaryFolder();
        await using var server = await RollcallServer.StartAsync(folder.File("api.db"), "--extension", ExtensionModels.Path("sample"));
        Write(folder, server.Url, "sandbox", "sandbox", "create table bus(id integer primary key, number text); insert into bus values(1, 'B1'), (2, 'B2'); create table pet(pupil integer, name text); insert into pet values(1, 'Rex');");
        File.WriteAllText(folder.File("resources/students.sql"), """
            select id as "@source_key", number as "studentUniqueId", 'F' as "firstName", 'L' as "lastSurname", '2010-01-02' as "birthDate",
                   (select name from pet where pupil = pupil.id) as "_ext.sample.pets[0].petName"
            from pupil
            """);
        var scaffold = folder.File("resources/sample-buses.sql");
        File.WriteAllText(scaffold, """
            -- resource: sample/buses
            select id as "@source_key", number as "busId" from bus
            """);

        // 1. Without the model the extension is named, and what helps.
        var before = await RollcallCli.RunAsync("sync", "check", folder.Path);
        Assert.Equal(4, before.ExitCode);
        Assert.Contains("sample-buses.sql: the built-in model has no resource sample/buses; 'rollcall sync model' reads the target's extensions into the folder.", before.Errors, StringComparison.Ordinal);

        // 2. The model is read; scaffold knows the extension.
        var model = await RollcallCli.RunAsync("sync", "model", folder.Path, "--json");
        Assert.True(model.ExitCode == 0, model.Output + model.Errors);
        Assert.True((bool)JsonNode.Parse(model.Output)!["isCoreBuiltIn"]!);
        Assert.Empty(JsonNode.Parse(model.Output)!["leftOut"]!.AsArray());
        File.Delete(scaffold);
        var scaffolded = await RollcallCli.RunAsync("sync", "scaffold", folder.Path, "sample/buses");
        Assert.True(scaffolded.ExitCode == 0, scaffolded.Errors);
        Assert.StartsWith("-- resource: sample/buses", File.ReadAllText(scaffold), StringComparison.Ordinal);
        File.WriteAllText(scaffold, """
            -- resource: sample/buses
            select id as "@source_key", number as "busId" from bus
            """);

        // 3. What it sends is there, and stays as it is.
        var check = await RollcallCli.RunAsync("sync", "check", folder.Path);
        Assert.True(check.ExitCode == 0, check.Output + check.Errors);
        Assert.Contains("Mapped to target-model.json. The core is the built-in one", check.Output, StringComparison.Ordinal);
        var run = await RollcallCli.RunAsync("sync", "run", folder.Path);
        Assert.True(run.ExitCode == 0, run.Output + run.Errors);
        using var client = await server.ConnectAsync();
        var buses = JsonNode.Parse(await client.GetStringAsync(new Uri("data/v3/sample/buses", UriKind.Relative), TestContext.Current.CancellationToken))!.AsArray();
        Assert.Equal(["B1", "B2"], buses.Select(b => (string)b!["busId"]!).Order());
        var student = JsonNode.Parse(await client.GetStringAsync(new Uri("data/v3/ed-fi/students?studentUniqueId=N1", UriKind.Relative), TestContext.Current.CancellationToken))![0]!;
        Assert.Equal("Rex", (string?)student["_ext"]!["sample"]!["pets"]![0]!["petName"]);
        Assert.Equal(99, (await RollcallCli.RunAsync("sync", "run", folder.Path)).ExitCode);
        Assert.Equal(0, (await RollcallCli.RunAsync("sync", "verify", folder.Path)).ExitCode);

        // 4. A bus goes, a key is asked for by the extension's model.
        Sql(folder, "delete from bus where id = 1");
        Assert.Equal(0, (await RollcallCli.RunAsync("sync", "run", folder.Path, "--approve-deletes", "the test")).ExitCode);
        var left = JsonNode.Parse(await client.GetStringAsync(new Uri("data/v3/sample/buses", UriKind.Relative), TestContext.Current.CancellationToken))!.AsArray();
        Assert.Equal("B2", (string?)Assert.Single(left)!["busId"]);
        Assert.Equal(0, (await RollcallCli.RunAsync("sync", "why", folder.Path, "B2", "--resource", "sample/buses")).ExitCode);

        // 5. A broken file says what to do, and changes nothing.
        File.WriteAllText(folder.File("target-model.json"), "{}");
        var broken = await RollcallCli.RunAsync("sync", "run", folder.Path);
        Assert.Equal(4, broken.ExitCode);
        Assert.Contains("read it again with 'rollcall sync model'", broken.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_target_of_another_data_standard_is_synced_to_by_its_own_model_and_refused_without()
    {
        using var folder = new TemporaryFolder();
        await using var api = await StubApi.StartAsync([StubResource.Plain("/ed-fi/students", 1, "studentUniqueId")]);
        api.DataStandard = "5.1.0";
        api.OpenApiDocuments = (
            OpenApiDocument.Resources(CompactModelReader.EdFi52, "http://h/data/v3", "http://h/oauth/token", 500),
            OpenApiDocument.Descriptors(CompactModelReader.EdFi52, "http://h/data/v3", "http://h/oauth/token", 500));
        Write(folder, api.Url.ToString(), "key", "s3cret", "");
        File.WriteAllText(folder.File("resources/students.sql"), """
            select id as "@source_key", number as "studentUniqueId", 'F' as "firstName", 'L' as "lastSurname", '2010-01-02' as "birthDate" from pupil
            """);
        var before = await RollcallCli.RunAsync("sync", "run", folder.Path);
        Assert.Equal(4, before.ExitCode);
        Assert.Contains("the target serves the Ed-Fi data standard 5.1, and the folder is mapped to 5.2. 'rollcall sync model'", before.Errors, StringComparison.Ordinal);
        Assert.Equal(0, api.Writes.Count);

        var model = await RollcallCli.RunAsync("sync", "model", folder.Path);
        Assert.True(model.ExitCode == 0, model.Output + model.Errors);
        Assert.Contains("All of it comes from the target's OpenAPI documents", model.Output, StringComparison.Ordinal);
        var run = await RollcallCli.RunAsync("sync", "run", folder.Path);
        Assert.True(run.ExitCode == 0, run.Output + run.Errors);
        Assert.Equal(3, api.Rows("/ed-fi/students"));
        Assert.Equal(99, (await RollcallCli.RunAsync("sync", "run", folder.Path)).ExitCode);

        // The target moves on: nothing is sent by a model that is no longer its own, and the old one stays where the new one cannot be read.
        api.DataStandard = "6.0.0";
        Assert.Equal(4, (await RollcallCli.RunAsync("sync", "run", folder.Path)).ExitCode);
        var kept = File.ReadAllText(folder.File("target-model.json"));
        api.OpenApiDocuments = ("{}"u8.ToArray(), "{}"u8.ToArray());
        Assert.Equal(4, (await RollcallCli.RunAsync("sync", "model", folder.Path)).ExitCode);
        Assert.Equal(kept, File.ReadAllText(folder.File("target-model.json")));
    }

    private static void Write(TemporaryFolder folder, string url, string key, string secret, string more)
    {
        Directory.CreateDirectory(folder.File("resources"));
        File.WriteAllText(folder.File("profile.yaml"), $$"""
            source: { provider: sqlite, connection: "{{folder.File("sis.db")}}" }
            target: { url: "{{url}}", key: {{key}}, secret: {{secret}} }
            ledger: "{{folder.File("ledger.db")}}"
            """);
        Sql(folder, "create table pupil(id integer primary key, number text); insert into pupil values(1, 'N1'), (2, 'N2'), (3, 'N3');" + more);
    }

    private static void Sql(TemporaryFolder folder, string sql)
    {
        using var connection = new SqliteConnection($"Data Source={folder.File("sis.db")};Pooling=false");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }
}
