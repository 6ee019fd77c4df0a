using System.Collections;
using Rollcall.Databases;
using Rollcall.Exchange.Publish;
using Rollcall.Exchange.State;

namespace Rollcall.Tests.Exchange.State;

/// <summary>What the SQL Server store asks for, and what it makes of the answers; no real server is here to try it on.</summary>
public sealed class SqlServerStoreTests
{
    private const string Prefix = ConnectionNames.KeyPrefix;

    private readonly SqlServerStandIn _server = new();

    [Fact]
    public async Task Rows_of_the_documented_script_are_read_and_a_name_is_no_pattern()
    {
        _server.Put(Prefix + "My_Src/url", "http://a");
        _server.Put(Prefix + "My_Src/secret", "s", isEncrypted: true);
        _server.Put(Prefix + "MyXSrc/url", "http://another");
        _server.Put(Prefix + "My_Src2/url", "http://a third");
        _server.Put(Prefix + "10% [x]/url", "http://odd");
        await using var store = Store();
        var values = (await store.ReadAsync("my_src", CancellationToken.None))!;
        Assert.Equal(("http://a", "s", 2), (values["url"], values["SECRET"], values.Count));
        Assert.Equal("http://odd", (await store.ReadAsync("10% [x]", CancellationToken.None))!["url"]);
        Assert.Null(await store.ReadAsync("My", CancellationToken.None));
        Assert.Equal(["10% [x]", "MyXSrc", "My_Src", "My_Src2"], await store.ListAsync(CancellationToken.None));
    }

    [Fact]
    public async Task Keys_and_secrets_are_written_to_be_encrypted_and_a_null_is_taken_away()
    {
        await using var store = Store();
        await store.WriteAsync("Src", new Dictionary<string, string?> { ["url"] = "http://a", ["key"] = "k", ["secret"] = "s", ["include"] = "schools" }, CancellationToken.None);
        Assert.Equal(["key", "secret"], _server.Rows.Where(r => r.Value.IsEncrypted).Select(r => r.Key[(Prefix + "Src/").Length..]).Order());
        await store.WriteAsync("Src", new Dictionary<string, string?> { ["include"] = null, ["url"] = "http://b" }, CancellationToken.None);
        Assert.Equal(["key", "secret", "url"], (await store.ReadAsync("Src", CancellationToken.None))!.Keys.Order());
        Assert.Equal("http://b", _server.Rows[Prefix + "Src/url"].Value);
    }

    [Fact]
    public async Task Removing_a_connection_leaves_those_whose_names_are_like_it()
    {
        _server.Put(Prefix + "A_B/url", "1");
        _server.Put(Prefix + "AxB/url", "2");
        await using var store = Store();
        Assert.True(await store.RemoveAsync("A_B", CancellationToken.None));
        Assert.False(await store.RemoveAsync("A_B", CancellationToken.None));
        Assert.Equal([Prefix + "AxB/url"], _server.Rows.Keys);
    }

    [Fact]
    public async Task The_versions_of_other_targets_survive_and_their_row_is_locked_while_it_is_replaced()
    {
        _server.Put(Prefix + "Src/lastChangeVersionsProcessed", """{"OTHER":77}""");
        await using var store = Store();
        await store.KeepChangeVersionAsync("src", "T", 5, CancellationToken.None);
        Assert.Equal(("""{"OTHER":77,"T":5}""", false), _server.Rows[Prefix + "Src/lastChangeVersionsProcessed"]);
        Assert.Single(_server.Rows);
        Assert.Equal(["sp_getapplock", "GetConfigurationValues", "SetConfigurationValue"], _server.Asked.Select(a => a.Split(' ', '.').First(w => w.StartsWith("sp_", StringComparison.Ordinal) || w.EndsWith("ConfigurationValue", StringComparison.Ordinal) || w.EndsWith("ConfigurationValues", StringComparison.Ordinal))));
        await store.KeepChangeVersionAsync("New", "T", 6, CancellationToken.None);
        Assert.Equal("""{"T":6}""", _server.Rows[Prefix + "New/lastChangeVersionsProcessed"].Value);
    }

    [Fact]
    public async Task A_pair_is_published_by_one_at_a_time()
    {
        await using var store = Store();
        await using var other = Store();
        var first = await store.TryLockAsync(new string('p', 1000), CancellationToken.None);
        Assert.NotNull(first);
        Assert.Null(await other.TryLockAsync(new string('p', 1000), CancellationToken.None));
        // The server's collation makes one connection of two spellings.
        Assert.Null(await other.TryLockAsync(new string('P', 1000), CancellationToken.None));
        await using (await other.TryLockAsync("another", CancellationToken.None))
        {
        }

        await first.DisposeAsync();
        Assert.Contains("exec sp_releaseapplock @Resource = @resource, @LockOwner = 'Session'", _server.Asked);
        await using var second = await other.TryLockAsync(new string('p', 1000), CancellationToken.None);
        Assert.NotNull(second);
    }

    [Fact]
    public async Task What_the_server_says_is_passed_on()
    {
        await using var store = new SqlServerStore(_server, "Server=wrong;Password=mark-4711");
        var refused = await Assert.ThrowsAsync<ConnectionStoreException>(() => store.ReadAsync("Src", CancellationToken.None));
        Assert.Contains("Login failed for user 'x'.", refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("4711", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Without_a_driver_the_store_is_refused_with_the_folder_that_lacks_it()
    {
        var folder = Directory.CreateTempSubdirectory("rollcall-").FullName;
        try
        {
            var settings = PublishArguments.Read(["--configurationStoreProvider=sqlServer", "--ConfigurationStore:SqlServer:ConnectionString=Server=x"], new Hashtable(), folder);
            var fault = Assert.Throws<InvalidDataException>(() => ConnectionStores.Open(settings, new Hashtable(), folder, TimeProvider.System, new ProviderFolder(folder)));
            Assert.Contains("Microsoft.Data.SqlClient in " + folder, fault.Message, StringComparison.Ordinal);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private SqlServerStore Store() => new(_server, "Server=x");
}
