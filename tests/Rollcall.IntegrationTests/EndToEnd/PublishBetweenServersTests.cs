using System.Text.Json;
using Rollcall.Exchange.State;

namespace Rollcall.IntegrationTests.EndToEnd;

/// <summary>Publishing between two servers of our own, all three as processes: everything, then windows of every kind of change. Judged by <c>rollcall verify</c>
/// and by the target's own ids: a document whose key changed keeps its id there, for it was changed, and not deleted and made anew.</summary>
public sealed class PublishBetweenServersTests(PostgresFixture postgres)
{
    /// <summary>Longer than a client's snapshot must rest until a new run gets a new one.</summary>
    private static readonly TimeSpan _rest = TimeSpan.FromSeconds(11);

    /// <summary>From SQLite to PostgreSQL; in the long run the other way, too.</summary>
    public static TheoryData<bool> Directions => LongRun.IsOn ? [true, false] : [true];

    [Theory]
    [MemberData(nameof(Directions))]
    public async Task Everything_and_then_every_kind_of_change_arrives_with_and_without_isolation(bool isSourceSqlite)
    {
        Assert.SkipUnless(Environment.GetEnvironmentVariable(PostgresFixture.Variable) is { Length: > 0 }, $"{PostgresFixture.Variable} is not set.");
        using var folder = new TemporaryFolder();
        await using var database = await postgres.WithSandboxAsync();
        var file = folder.File("api.db");
        await using var source = await RollcallServer.StartAsync(isSourceSqlite ? file : database.ConnectionString);
        await using var target = await RollcallServer.StartAsync(isSourceSqlite ? database.ConnectionString : file);
        using var from = await source.ConnectAsync();
        using var to = await target.ConnectAsync();
        var (school, copy) = (new PublishedSchool(from), new PublishedSchool(to));
        await school.FillAsync(300);
        var store = new PlainTextStore(folder.File("connections.json"));
        await store.WriteAsync("S", Values(source), CancellationToken.None);
        await store.WriteAsync("T", Values(target), CancellationToken.None);
        string[] named = ["--sourceName=S", "--targetName=T", $"--connectionsFile={folder.File("connections.json")}", $"--state={folder.File("state")}", "--includeDescriptors=true"];

        // Everything, from a snapshot.
        await PublishAsync(source, target, named);
        var first = await ApiContents.NewestChangeVersionAsync(from);
        Assert.Equal(first, await KeptAsync(store));
        var ids = new Dictionary<string, HashSet<string>>();
        foreach (var resource in PublishedSchool.Changeable)
        {
            ids[resource] = await copy.IdsAsync(resource);
            Assert.Equal(PublishedSchool.Each, ids[resource].Count);
        }

        // What changed, from the snapshot of another moment.
        await school.ChangeAsync();
        await Task.Delay(_rest, TestContext.Current.CancellationToken);
        await PublishAsync(source, target, named);
        var second = await ApiContents.NewestChangeVersionAsync(from);
        Assert.True(second > first);
        Assert.Equal(second, await KeptAsync(store));
        foreach (var resource in PublishedSchool.Changeable)
        {
            var now = await copy.IdsAsync(resource);
            Assert.Empty(now.Except(ids[resource]));
            Assert.Equal(PublishedSchool.Deleted.Contains(resource) ? 1 : 0, ids[resource].Except(now).Count());
        }

        Assert.Equal(300, await ApiContents.CountAsync(to, "students"));
        Assert.DoesNotContain(await ApiContents.AllAsync(to, "termDescriptors"), d => (string)d["codeValue"]! == "T5");

        // The rest as the source is now, by the version that the caller keeps.
        await school.MoveKeysOnAsync();
        var before = new Dictionary<string, HashSet<string>>();
        foreach (var resource in PublishedSchool.Changeable)
        {
            before[resource] = await copy.IdsAsync(resource);
        }

        await PublishAsync(source, target, [
            .. Pair(source, target), $"--lastChangeVersionProcessed={second}", "--useChangeVersionPaging=true", "--changeVersionPagingWindowSize=3", "--ignoreIsolation=true",
            "--includeDescriptors=true", $"--state={folder.File("state")}",
        ]);
        foreach (var resource in PublishedSchool.Changeable)
        {
            var now = await copy.IdsAsync(resource);
            Assert.True(before[resource].IsSubsetOf(now), resource + ": a document was made anew and not changed");
            Assert.Equal(resource == "sections" ? 1 : 0, now.Count - before[resource].Count);
        }

        // And nothing that is there already is sent again.
        var newest = await ApiContents.NewestChangeVersionAsync(to);
        await store.KeepChangeVersionAsync("S", "T", await ApiContents.NewestChangeVersionAsync(from), CancellationToken.None);
        await PublishAsync(source, target, [.. named, "--ignoreIsolation=true"]);
        Assert.Equal(newest, await ApiContents.NewestChangeVersionAsync(to));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Students_whom_the_target_lacks_are_fetched_by_the_links_of_their_associations(bool isSourceSqlite)
    {
        Assert.SkipUnless(Environment.GetEnvironmentVariable(PostgresFixture.Variable) is { Length: > 0 }, $"{PostgresFixture.Variable} is not set.");
        using var folder = new TemporaryFolder();
        await using var database = await postgres.EmptyAsync();
        var file = folder.File("api.db");
        await using var source = await RollcallServer.StartAsync(isSourceSqlite ? file : database.ConnectionString);
        await using var target = await RollcallServer.StartAsync(isSourceSqlite ? database.ConnectionString : file);
        using var from = await source.ConnectAsync();
        using var to = await target.ConnectAsync();
        await new PublishedSchool(from).FillAsync(PublishedSchool.Each + 2);

        var published = await RollcallCli.RunAsync(
            ["publish", .. Pair(source, target), "--includeOnly=schools,studentSchoolAssociations", "--ignoreIsolation=true", "--json", $"--state={folder.File("state")}"]);
        Assert.True(published.ExitCode == 0, published.Output + published.Errors);
        using var report = JsonDocument.Parse(published.Output);
        var fetched = Assert.Single(report.RootElement.GetProperty("fetched").EnumerateArray());
        Assert.Equal(("/ed-fi/students", PublishedSchool.Each), (fetched.GetProperty("resource").GetString(), fetched.GetProperty("created").GetInt32()));
        // Only those to whom an association refers.
        Assert.Equal(PublishedSchool.Each, await ApiContents.CountAsync(to, "students"));
        var verified = await RollcallCli.RunAsync(["verify", .. Pair(source, target), "--includeOnly=students,studentSchoolAssociations", "--json"]);
        using var comparison = JsonDocument.Parse(verified.Output);
        Assert.Equal((2 * PublishedSchool.Each, 2, 0), (comparison.RootElement.GetProperty("same").GetInt32(), comparison.RootElement.GetProperty("missing").GetInt32(), comparison.RootElement.GetProperty("different").GetInt32()));
    }

    private static async Task PublishAsync(RollcallServer source, RollcallServer target, string[] arguments)
    {
        var published = await RollcallCli.RunAsync(["publish", .. arguments]);
        Assert.True(published.ExitCode == 0, published.Output + published.Errors);
        var verified = await RollcallCli.RunAsync(["verify", .. Pair(source, target)]);
        Assert.True(verified.ExitCode == 0, published.Output + published.Errors + verified.Output + verified.Errors);
    }

    private static async Task<long?> KeptAsync(PlainTextStore store) =>
        ConnectionNames.VersionOf((await store.ReadAsync("S", CancellationToken.None))![ConnectionNames.LastChangeVersions], "T");

    private static Dictionary<string, string?> Values(RollcallServer server) => new() { ["url"] = server.Url, ["key"] = "sandbox", ["secret"] = "sandbox" };

    private static string[] Pair(RollcallServer source, RollcallServer target) =>
    [
        $"--sourceUrl={source.Url}", "--sourceKey=sandbox", "--sourceSecret=sandbox",
        $"--targetUrl={target.Url}", "--targetKey=sandbox", "--targetSecret=sandbox",
    ];
}
