using Rollcall.Serve.Storage;

namespace Rollcall.Tests.Serve.Storage;

/// <summary>Every rule of <see cref="ICredentialStore"/> as a test.</summary>
public abstract class CredentialConformance
{
    private static readonly ApiClient Client = new("key-1", "One", "pbkdf2$x", "Ed-Fi Sandbox", ["uri://ed-fi.org", "uri://ü\"x"], [255901, 9_000_000_000], 3, true);

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

    private static void AssertEqual(ApiClient expected, ApiClient? actual)
    {
        Assert.NotNull(actual);
        Assert.Equal(expected.NamespacePrefixes, actual.NamespacePrefixes);
        Assert.Equal(expected.EducationOrganizationIds, actual.EducationOrganizationIds);
        Assert.Equal(
            (expected.Key, expected.Name, expected.SecretHash, expected.ClaimSet, expected.CredentialEpoch, expected.IsEnabled),
            (actual.Key, actual.Name, actual.SecretHash, actual.ClaimSet, actual.CredentialEpoch, actual.IsEnabled));
    }
}
