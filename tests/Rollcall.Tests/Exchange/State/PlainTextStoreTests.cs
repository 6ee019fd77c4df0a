using System.Collections;
using Rollcall.Databases;
using Rollcall.Exchange.Publish;
using Rollcall.Exchange.State;

namespace Rollcall.Tests.Exchange.State;

/// <summary>The plain file of named connections, and how settings are completed from it.</summary>
public sealed class PlainTextStoreTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("rollcall-test-").FullName;

    [Fact]
    public async Task A_file_as_the_API_Publisher_has_it_completes_the_settings()
    {
        File.WriteAllText(Path.Combine(_folder, PlainTextStore.FileName), """
            { "connections": [
              { "name": "Hometown", "url": "http://a", "key": "k", "secret": "s", "ignoreIsolation": true, "schoolYear": "2027", "include": "students",
                "lastChangeVersionsProcessed": "{\"State\":1,\"nightly:State\":90000}" },
              { "name": "State", "url": "http://b/", "key": "k2", "secret": "s2", "treatForbiddenPostAsWarning": "true" } ] }
            """);
        var (options, _) = await OptionsAsync("--sourceName=HOMETOWN", "--targetName=state", "--lastChangeVersionProcessedNamespace=nightly");
        Assert.Equal(("http://a/", 2027, true, "students", true, 90_000L), (options.Source.ToString(), options.Source.SchoolYear, options.IgnoreIsolation, options.Include,
            options.TreatForbiddenPostAsWarning, options.LastChangeVersionProcessed));
        Assert.Equal("k2", options.Target.Key);
        (options, _) = await OptionsAsync("--sourceName=hometown", "--targetName=state");
        Assert.Equal(1, options.LastChangeVersionProcessed);
    }

    [Fact]
    public async Task The_command_line_counts_more_than_the_store_and_mixing_is_said()
    {
        await Store().WriteAsync("A", new Dictionary<string, string?> { ["url"] = "http://a", ["key"] = "k", ["secret"] = "s", ["include"] = "students" }, CancellationToken.None);
        var (options, warnings) = await OptionsAsync("--sourceName=A", "--include=staffs", "--targetUrl=http://b", "--targetKey=k", "--targetSecret=s");
        Assert.Equal("staffs", options.Include);
        Assert.Contains("--include: given beside --sourceName=A", Assert.Single(warnings), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_name_that_the_store_lacks_is_a_fault_unless_the_connection_is_given_in_full()
    {
        var fault = await Assert.ThrowsAsync<InvalidDataException>(() => OptionsAsync("--sourceName=A", "--targetName=B"));
        Assert.Contains("--sourceName: there is no connection 'A'", fault.Message, StringComparison.Ordinal);
        Assert.Contains("--targetName: there is no connection 'B'", fault.Message, StringComparison.Ordinal);
        var (options, _) = await OptionsAsync(
            "--sourceName=A", "--targetName=B", "--sourceUrl=http://a", "--sourceKey=k", "--sourceSecret=s", "--targetUrl=http://b", "--targetKey=k", "--targetSecret=s");
        Assert.Equal("A", options.SourceName);
    }

    [Fact]
    public async Task Values_are_written_changed_and_removed_and_the_rest_of_the_file_stays()
    {
        File.WriteAllText(Path.Combine(_folder, PlainTextStore.FileName), """{"note":"ours","connections":[{"name":"X","url":"http://x"}]}""");
        var store = Store();
        await store.WriteAsync("x", new Dictionary<string, string?> { ["key"] = "k", ["url"] = null }, CancellationToken.None);
        await Parallel.ForAsync(0, 20, async (i, _) => await Store().KeepChangeVersionAsync("X", "T" + i, i, CancellationToken.None));
        var values = (await store.ReadAsync("X", CancellationToken.None))!;
        Assert.Equal("k", values["KEY"]);
        Assert.False(values.ContainsKey("url"));
        Assert.All(Enumerable.Range(0, 20), i => Assert.Equal(i, ConnectionNames.VersionOf(values[ConnectionNames.LastChangeVersions], "t" + i)));
        var text = File.ReadAllText(Path.Combine(_folder, PlainTextStore.FileName));
        Assert.Contains("\"note\": \"ours\"", text, StringComparison.Ordinal);
        Assert.True(await store.RemoveAsync("X", CancellationToken.None));
        Assert.False(await store.RemoveAsync("X", CancellationToken.None));
        Assert.Empty(await store.ListAsync(CancellationToken.None));
    }

    [Fact]
    public async Task One_pair_is_locked_for_one_at_a_time()
    {
        await using var first = await Store().TryLockAsync("pair", CancellationToken.None);
        Assert.NotNull(first);
        Assert.Null(await Store().TryLockAsync("pair", CancellationToken.None));
        await using (await Store().TryLockAsync("other pair", CancellationToken.None))
        {
        }

        await first.DisposeAsync();
        await using var second = await Store().TryLockAsync("pair", CancellationToken.None);
        Assert.NotNull(second);
    }

    [Fact]
    public async Task A_connection_is_found_however_it_is_spelled_and_a_pair_locked()
    {
        File.WriteAllText(Path.Combine(_folder, PlainTextStore.FileName), """{"connections":[{"Name":"Src","Url":"http://a"},{"name":"src","url":"http://second"}]}""");
        Assert.Equal("http://a", (await Store().ReadAsync("SRC", CancellationToken.None))!["url"]);
        await Store().KeepChangeVersionAsync("sRC", "T", 7, CancellationToken.None);
        Assert.Equal("""{"T":7}""", (await Store().ReadAsync("Src", CancellationToken.None))![ConnectionNames.LastChangeVersions]);
        await using var first = await Store().TryLockAsync("Src\nTgt\n", CancellationToken.None);
        Assert.NotNull(first);
        Assert.Null(await Store().TryLockAsync("src\nTGT\n", CancellationToken.None));
    }

    [Theory]
    [InlineData("plainText", true)]
    [InlineData("sqlServer", true)]
    [InlineData("postgreSql", false)]
    [InlineData("awsParameterStore", false)]
    public void Two_spellings_are_one_connection_where_the_store_says_so(string provider, bool isOne)
    {
        var settings = PublishArguments.Read(
            ["--sourceName=a", "--targetName=A", "--sourceUrl=http://a", "--sourceKey=k", "--sourceSecret=s", "--targetUrl=http://b", "--targetKey=k", "--targetSecret=s",
                "--configurationStoreProvider=" + provider],
            new Hashtable(), _folder);
        var fault = Record.Exception(() => PublishOptions.From(settings));
        Assert.Equal(isOne, fault is InvalidDataException { Message: var message } && message.Contains("the same connection", StringComparison.Ordinal));
        Assert.True(isOne || fault is null, fault?.Message);
    }

    [Fact]
    public void A_lock_that_cannot_be_made_is_not_taken_for_held()
    {
        if (!OperatingSystem.IsWindows())
        {
            // What nobody can open, root included.
            var link = Path.Combine(_folder, "link.lock");
            File.CreateSymbolicLink(link, link);
            Assert.Throws<IOException>(() => FileLock.TryTake(link));
        }
    }

    [Theory]
    [InlineData("sqlServer", "ConfigurationStore:SqlServer:ConnectionString is missing")]
    [InlineData("excel", "there is no store 'excel'")]
    [InlineData("postgreSql", "ConfigurationStore:PostgreSql:ConnectionString is missing")]
    public void A_store_that_there_is_not_is_refused_by_name(string provider, string expected)
    {
        var settings = PublishArguments.Read(["--configurationStoreProvider=" + provider], new Hashtable(), _folder);
        var fault = Assert.Throws<InvalidDataException>(() => ConnectionStores.Open(settings, new Hashtable(), _folder, TimeProvider.System));
        Assert.Contains(expected, fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_store_settings_file_is_read_as_it_is()
    {
        File.WriteAllText(Path.Combine(_folder, "configurationStoreSettings.json"), """
            { "configurationStore": { "provider": "awsParameterStore", "sqlServer": { "connectionString": "Server=x" },
              "postgreSql": { "connectionString": "Host=x", "encryptionPassword": "p" }, "awsParameterStore": { "Profile": "default", "Region": "us-east-1" } } }
            """);
        var settings = PublishArguments.Read([], new Hashtable(), _folder);
        Assert.Equal("us-east-1", settings["ConfigurationStore:AwsParameterStore:Region"]);
    }

    private PlainTextStore Store() => new(Path.Combine(_folder, PlainTextStore.FileName));

    private async Task<(PublishOptions Options, IReadOnlyList<string> Warnings)> OptionsAsync(params string[] arguments)
    {
        var (settings, warnings) = await NamedConnections.CompleteAsync(PublishArguments.Read(arguments, new Hashtable(), _folder), Store(), CancellationToken.None);
        return (PublishOptions.From(settings, warnings), warnings);
    }

    public void Dispose() => Directory.Delete(_folder, true);
}
