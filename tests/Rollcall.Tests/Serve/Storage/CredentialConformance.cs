using Rollcall.Serve.Storage;

namespace Rollcall.Tests.Serve.Storage;

/// <summary>Every rule of <see cref="ICredentialStore"/> as a test.</summary>
public abstract class CredentialConformance
{
    private static readonly ApiClient Client = new("key-1", "One", "pbkdf2$x", "Ed-Fi Sandbox", ["uri://ed-fi.org", "uri://ü\"x"], [255901, 9_000_000_000], 3, true)
    {
        Profiles = ["A-Profile"],
        OwnershipTokens = [4, 5],
        CreatorOwnershipToken = 4,
        InstanceIds = [2],
        ApplicationId = 17,
    };

    /// <summary>An empty store of this test alone; disposed by the test's class.</summary>
    protected abstract Task<ICredentialStore> OpenEmptyAsync();

    [Fact]
    public async Task A_client_is_found_as_it_was_put()
    {
        var store = await OpenEmptyAsync();

        Assert.Null(await store.FindClientAsync("key-1", default));
        await store.PutClientAsync(Client, default);

        AssertEqual(Client, await store.FindClientAsync("key-1", default));
        Assert.Null(await store.FindClientAsync("KEY-1", default));
    }

    [Fact]
    public async Task Putting_a_client_again_replaces_it()
    {
        var store = await OpenEmptyAsync();
        await store.PutClientAsync(Client, default);

        var reset = Client with { SecretHash = "other", CredentialEpoch = 4, IsEnabled = false, NamespacePrefixes = [], EducationOrganizationIds = [] };
        await store.PutClientAsync(reset, default);

        AssertEqual(reset, await store.FindClientAsync("key-1", default));
        Assert.Single(await store.ListClientsAsync(default));
    }

    [Fact]
    public async Task Clients_are_listed_and_removed()
    {
        var store = await OpenEmptyAsync();
        Assert.Empty(await store.ListClientsAsync(default));
        await store.PutClientAsync(Client, default);
        await store.PutClientAsync(Client with { Key = "key-2" }, default);

        Assert.Equal(["key-1", "key-2"], (await store.ListClientsAsync(default)).Select(c => c.Key).Order(StringComparer.Ordinal));
        Assert.True(await store.RemoveClientAsync("key-1", default));
        Assert.False(await store.RemoveClientAsync("key-1", default));
        Assert.Equal("key-2", Assert.Single(await store.ListClientsAsync(default)).Key);
    }

    [Fact]
    public async Task Servers_that_start_together_agree_on_one_signing_key()
    {
        var store = await OpenEmptyAsync();

        var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(i => Task.Run(async () =>
            await store.SigningKeysAsync(new SigningKey($"k{i}", [(byte)i, 0, 255], new DateTime(2026, 1, 1, 0, 0, i, DateTimeKind.Utc)), default))));

        var key = Assert.Single(answers[0]);
        Assert.All(answers, a => Assert.Equal((key.KeyId, key.CreatedUtc), (Assert.Single(a).KeyId, a[0].CreatedUtc)));
        Assert.Equal([(byte)(key.KeyId[1] - '0'), 0, 255], key.Secret);
        Assert.Equal(DateTimeKind.Utc, key.CreatedUtc.Kind);
    }

    [Fact]
    public async Task A_rotated_key_comes_first_and_one_replaced_long_ago_goes()
    {
        var store = await OpenEmptyAsync();
        var day = new DateTime(2026, 1, 1, 0, 0, 0, DateTimeKind.Utc);
        await store.SigningKeysAsync(new SigningKey("a", [1], day), default);
        await store.RotateSigningKeyAsync(new SigningKey("b", [2], day.AddDays(10)), day.AddDays(8), default);
        Assert.Equal(["b", "a"], await KeysAsync());

        // "a" was replaced on day 10, "b" only now.
        await store.RotateSigningKeyAsync(new SigningKey("c", [3], day.AddDays(20)), day.AddDays(18), default);
        Assert.Equal(["c", "b"], await KeysAsync());

        await store.RotateSigningKeyAsync(new SigningKey("d", [4], day.AddDays(21)), DateTime.MaxValue, default);
        Assert.Equal(["d"], await KeysAsync());

        async Task<IEnumerable<string>> KeysAsync() => (await store.SigningKeysAsync(new SigningKey("x", [9], day), default)).Select(k => k.KeyId);
    }

    [Fact]
    public async Task The_registry_changes_as_a_whole_or_not_at_all()
    {
        var store = await OpenEmptyAsync();
        var registry = (IRegistryStore)store;
        var first = await registry.ReadRegistryAsync(default);
        Assert.Empty(first.Items);
        Assert.Equal(first.Revision, await registry.RegistryRevisionAsync(default));

        Assert.True(await registry.ChangeRegistryAsync(
            first.Revision,
            [
                new RegistryChange.Put(new RegistryItem("vendor", 2, """{"a":"ü"}""")), new RegistryChange.Put(new RegistryItem("application", 1, "{}")),
                new RegistryChange.Put(new RegistryItem("vendor", 1, "{}")), new RegistryChange.PutClient(Client),
            ],
            default));
        var second = await registry.ReadRegistryAsync(default);
        Assert.Equal([("application", 1L, "{}"), ("vendor", 1L, "{}"), ("vendor", 2L, """{"a":"ü"}""")], second.Items.Select(i => (i.Kind, i.Id, i.Body)));
        Assert.Equal(2, second.LastId);
        AssertEqual(Client, await store.FindClientAsync("key-1", default));

        // Somebody who decided on the first revision changes nothing.
        Assert.False(await registry.ChangeRegistryAsync(
            first.Revision, [new RegistryChange.Remove("vendor", 2), new RegistryChange.RemoveClient("key-1")], default));
        Assert.NotNull(await store.FindClientAsync("key-1", default));
        Assert.Equal(second.Revision, await registry.RegistryRevisionAsync(default));

        Assert.True(await registry.ChangeRegistryAsync(
            second.Revision, [new RegistryChange.Remove("vendor", 2), new RegistryChange.RemoveClient("key-1"), new RegistryChange.Put(new RegistryItem("vendor", 1, "[]"))], default));
        Assert.Null(await store.FindClientAsync("key-1", default));
        var third = await registry.ReadRegistryAsync(default);
        Assert.Equal([("application", 1L, "{}"), ("vendor", 1L, "[]")], third.Items.Select(i => (i.Kind, i.Id, i.Body)));
        Assert.Equal(2, third.LastId);
    }

    [Fact]
    public async Task Of_many_administrators_at_once_one_wins_each_revision()
    {
        var store = await OpenEmptyAsync();
        var registry = (IRegistryStore)store;
        var revision = await registry.RegistryRevisionAsync(default);
        var won = await Task.WhenAll(Enumerable.Range(1, 8).Select(i => Task.Run(async () =>
            await registry.ChangeRegistryAsync(revision, [new RegistryChange.Put(new RegistryItem("vendor", i, "{}"))], default))));
        Assert.Single(won, w => w);
        Assert.Single((await registry.ReadRegistryAsync(default)).Items);
    }

    private static void AssertEqual(ApiClient expected, ApiClient? actual)
    {
        Assert.NotNull(actual);
        Assert.Equal(expected.NamespacePrefixes, actual.NamespacePrefixes);
        Assert.Equal(expected.EducationOrganizationIds, actual.EducationOrganizationIds);
        Assert.Equal(
            (expected.Key, expected.Name, expected.SecretHash, expected.ClaimSet, expected.CredentialEpoch, expected.IsEnabled),
            (actual.Key, actual.Name, actual.SecretHash, actual.ClaimSet, actual.CredentialEpoch, actual.IsEnabled));
        Assert.Equal(expected.Profiles, actual.Profiles);
        Assert.Equal(expected.OwnershipTokens, actual.OwnershipTokens);
        Assert.Equal(expected.InstanceIds, actual.InstanceIds);
        Assert.Equal((expected.CreatorOwnershipToken, expected.ApplicationId), (actual.CreatorOwnershipToken, actual.ApplicationId));
    }
}
