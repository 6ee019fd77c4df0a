using Microsoft.AspNetCore.Http;
using Rollcall.Serve;
using Rollcall.Serve.Security;
using Rollcall.Serve.Storage;

namespace Rollcall.Tests.Serve.Security;

public sealed class AccessTokensTests
{
    private static readonly ApiClient Client = new("key", "name", "hash", "Ed-Fi Sandbox", ["uri://a", "uri://b"], [1, 2], 7, true);
    private readonly Clock _clock = new();
    private readonly Credentials _store = new();

    [Fact]
    public async Task A_token_says_what_it_was_issued_for_until_it_expires()
    {
        var tokens = new AccessTokens(_store, _clock, TimeSpan.FromMinutes(30));
        var token = await tokens.IssueAsync(Client, null, CancellationToken.None);
        var claims = await tokens.ReadAsync(token, CancellationToken.None);
        Assert.Equal(("key", 7L, null), (claims!.ClientKey, claims.CredentialEpoch, claims.EducationOrganizationId));
        Assert.Equal(_clock.GetUtcNow().AddMinutes(30), claims.Expires);

        _clock.Now += TimeSpan.FromMinutes(30) - TimeSpan.FromSeconds(1);
        Assert.NotNull(await tokens.ReadAsync(token, CancellationToken.None));
        _clock.Now += TimeSpan.FromSeconds(1);
        Assert.Null(await tokens.ReadAsync(token, CancellationToken.None));
    }

    [Fact]
    public async Task A_narrowed_token_says_so()
    {
        var tokens = new AccessTokens(_store, _clock, TimeSpan.FromMinutes(30));
        Assert.Equal(2, (await tokens.ReadAsync(await tokens.IssueAsync(Client, 2, CancellationToken.None), CancellationToken.None))!.EducationOrganizationId);
    }

    [Fact]
    public async Task Servers_over_one_database_accept_each_others_tokens_and_no_others()
    {
        var one = new AccessTokens(_store, _clock, TimeSpan.FromMinutes(30));
        var two = new AccessTokens(_store, _clock, TimeSpan.FromMinutes(30));
        var stranger = new AccessTokens(new Credentials(), _clock, TimeSpan.FromMinutes(30));
        var token = await one.IssueAsync(Client, null, CancellationToken.None);
        Assert.NotNull(await two.ReadAsync(token, CancellationToken.None));
        Assert.Null(await stranger.ReadAsync(token, CancellationToken.None));
    }

    [Fact]
    public async Task A_rotated_key_signs_once_every_server_knows_it_and_the_old_ones_tokens_stay_good()
    {
        var one = new AccessTokens(_store, _clock, TimeSpan.FromMinutes(30));
        var two = new AccessTokens(_store, _clock, TimeSpan.FromMinutes(30));
        var before = await one.IssueAsync(Client, null, CancellationToken.None);
        _clock.Now += TimeSpan.FromHours(1);
        before = await one.IssueAsync(Client, null, CancellationToken.None);
        var rotated = await new SigningKeys(_store, _clock).RotateAsync(endTokens: false, CancellationToken.None);

        // Right after: the old key still signs, because another server may not know the new one.
        Assert.NotEqual(rotated, KeyOf(await two.IssueAsync(Client, null, CancellationToken.None)));
        _clock.Now += TimeSpan.FromSeconds(11);
        var after = await two.IssueAsync(Client, null, CancellationToken.None);
        Assert.Equal(rotated, KeyOf(after));
        Assert.NotNull(await one.ReadAsync(after, CancellationToken.None));
        Assert.NotNull(await one.ReadAsync(before, CancellationToken.None));
        Assert.NotNull(await two.ReadAsync(before, CancellationToken.None));
    }

    [Fact]
    public async Task A_removed_keys_tokens_end()
    {
        var tokens = new AccessTokens(_store, _clock, TimeSpan.FromMinutes(30));
        var token = await tokens.IssueAsync(Client, null, CancellationToken.None);
        var key = KeyOf(token);
        Assert.True(await tokens.HasKeyAsync(key, CancellationToken.None));
        _store.Keys.Clear();
        _store.Keys.Add(AccessTokens.NewSigningKey(_clock));
        _clock.Now += TimeSpan.FromSeconds(6);
        Assert.False(await tokens.HasKeyAsync(key, CancellationToken.None));
        Assert.Null(await tokens.ReadAsync(token, CancellationToken.None));
    }

    [Fact]
    public async Task A_removed_keys_tokens_end_while_their_client_goes_on_with_new_ones()
    {
        var tokens = new AccessTokens(_store, _clock, TimeSpan.FromMinutes(30));
        var clients = new ClientDirectory(_store, _clock);
        var check = new BearerCheck(tokens, clients, _clock, null);
        var old = await tokens.IssueAsync(Client, null, CancellationToken.None);
        Assert.NotNull((await check.CheckAsync(With(old))).Caller);
        _store.Keys.Clear();
        _store.Keys.Add(AccessTokens.NewSigningKey(_clock));
        _clock.Now += TimeSpan.FromSeconds(6);
        var fresh = await tokens.IssueAsync(Client, null, CancellationToken.None);
        Assert.NotNull((await check.CheckAsync(With(fresh))).Caller);
        Assert.NotNull(clients.TryFind(Client.Key));
        Assert.Null((await check.CheckAsync(With(old))).Caller);

        static DefaultHttpContext With(string token)
        {
            var http = new DefaultHttpContext();
            http.Request.Headers.Authorization = $"Bearer {token}";
            return http;
        }
    }

    [Fact]
    public async Task A_token_for_the_admin_surface_is_none_for_the_data()
    {
        var data = new AccessTokens(_store, _clock, TimeSpan.FromMinutes(30));
        var admin = new AccessTokens(_store, _clock, TimeSpan.FromMinutes(30), AccessTokens.AdminApi);
        Assert.Null(await data.ReadAsync(await admin.IssueAsync(Client, null, CancellationToken.None), CancellationToken.None));
        Assert.Null(await admin.ReadAsync(await data.IssueAsync(Client, null, CancellationToken.None), CancellationToken.None));
    }

    [Fact]
    public async Task Ten_thousand_organizations_still_fit_into_a_header()
    {
        var many = Client with { EducationOrganizationIds = [.. Enumerable.Range(1, 10_000).Select(i => 1_000_000_000L + i)] };
        var tokens = new AccessTokens(_store, _clock, TimeSpan.FromMinutes(30));
        var token = await tokens.IssueAsync(many, null, CancellationToken.None);
        Assert.InRange(token.Length, 100, 8_000);
        Assert.NotNull(await tokens.ReadAsync(token, CancellationToken.None));
    }

    [Fact]
    public void A_reset_client_starts_with_no_live_tokens()
    {
        var live = new LiveTokens(1, _clock);
        Assert.Null(live.Admit("a", TimeSpan.FromMinutes(30), epoch: 1));
        Assert.NotNull(live.Admit("a", TimeSpan.FromMinutes(30), epoch: 1));
        Assert.Null(live.Admit("a", TimeSpan.FromMinutes(30), epoch: 2));
    }

    private static string KeyOf(string token) => new Microsoft.IdentityModel.JsonWebTokens.JsonWebToken(token).Kid;

    [Fact]
    public void Live_tokens_are_limited_until_the_oldest_expires()
    {
        var live = new LiveTokens(2, _clock);
        Assert.Null(live.Admit("a", TimeSpan.FromMinutes(30)));
        _clock.Now += TimeSpan.FromMinutes(10);
        Assert.Null(live.Admit("a", TimeSpan.FromMinutes(30)));
        Assert.Equal(TimeSpan.FromMinutes(20), live.Admit("a", TimeSpan.FromMinutes(30)));
        Assert.Null(live.Admit("b", TimeSpan.FromMinutes(30)));
        _clock.Now += TimeSpan.FromMinutes(20);
        Assert.Null(live.Admit("a", TimeSpan.FromMinutes(30)));
    }

    [Fact]
    public void The_exempt_client_and_a_limit_of_minus_one_have_no_limit()
    {
        foreach (var live in (LiveTokens[])[new LiveTokens(1, _clock, "a"), new LiveTokens(-1, _clock)])
        {
            Assert.All(Enumerable.Range(0, 20), _ => Assert.Null(live.Admit("a", TimeSpan.FromMinutes(30))));
        }

        var limited = new LiveTokens(1, _clock, "a");
        Assert.Null(limited.Admit("b", TimeSpan.FromMinutes(30)));
        Assert.NotNull(limited.Admit("b", TimeSpan.FromMinutes(30)));
    }

    [Fact]
    public void An_unknown_key_costs_the_same_hash_as_a_known_one()
    {
        // Scheme, rounds and lengths decide how long a comparison takes.
        var (decoy, real) = (SecretHash.Decoy.Split('$'), SecretHash.Create("x").Split('$'));
        Assert.Equal(real[..2], decoy[..2]);
        Assert.Equal(real.Select(p => p.Length), decoy.Select(p => p.Length));
        Assert.False(SecretHash.Verify("", SecretHash.Decoy));
    }

    [Fact]
    public void Secrets_are_salted_and_only_the_right_one_fits()
    {
        var stored = SecretHash.Create("open sesame");
        Assert.StartsWith("pbkdf2-sha512$210000$", stored, StringComparison.Ordinal);
        Assert.NotEqual(stored, SecretHash.Create("open sesame"));
        Assert.DoesNotContain("sesame", stored, StringComparison.Ordinal);
        Assert.True(SecretHash.Verify("open sesame", stored));
        Assert.False(SecretHash.Verify("Open sesame", stored));
        Assert.False(SecretHash.Verify("open sesame", "open sesame"));
        Assert.False(SecretHash.Verify("open sesame", ""));
    }

    [Fact]
    public void What_the_sandbox_keeps_is_its_secret_hashed_as_every_other()
    {
        Assert.True(SecretHash.Verify(Sandbox.Secret, Sandbox.KeptSecret));
        Assert.Equal(SecretHash.Create(Sandbox.Secret).Split('$')[..2], Sandbox.KeptSecret.Split('$')[..2]);
    }

    private sealed class Clock : TimeProvider
    {
        public DateTimeOffset Now { get; set; } = new(2026, 1, 5, 12, 0, 0, TimeSpan.Zero);

        public override DateTimeOffset GetUtcNow() => Now;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => Now.Ticks;
    }

    private sealed class Credentials : ICredentialStore
    {
        public List<SigningKey> Keys { get; } = [];

        public ValueTask<IReadOnlyList<SigningKey>> SigningKeysAsync(SigningKey candidate, CancellationToken cancellationToken)
        {
            if (Keys.Count == 0)
            {
                Keys.Add(candidate);
            }

            return new([.. Keys]);
        }

        public ValueTask RotateSigningKeyAsync(SigningKey key, DateTime supersededBefore, CancellationToken cancellationToken)
        {
            Keys.Insert(0, key);
            return ValueTask.CompletedTask;
        }

        public ValueTask<ApiClient?> FindClientAsync(string key, CancellationToken cancellationToken) => new(key == Client.Key ? Client : null);

        public ValueTask PutClientAsync(ApiClient client, CancellationToken cancellationToken) => ValueTask.CompletedTask;

        public ValueTask<bool> RemoveClientAsync(string key, CancellationToken cancellationToken) => new(false);

        public ValueTask<IReadOnlyList<ApiClient>> ListClientsAsync(CancellationToken cancellationToken) => new([]);
    }
}
