using System.Text.Json.Nodes;

namespace Rollcall.IntegrationTests.Serve.Http;

/// <summary><c>rollcall serve client add</c> as a process: what it is told is what the running server holds the client to.</summary>
public abstract class ServeClientTests(HttpServer server)
{
    [Fact]
    public async Task What_a_client_is_given_at_the_terminal_counts_at_the_server()
    {
        var key = server.Unique("terminal-");
        using var added = await AddAsync(
            key, "SIS Vendor", "--education-organization", "255901", "255902", "--namespace-prefix", "uri://a.example", "--namespace-prefix", "uri://b.example",
            "--assign-profile", "No-Such-Profile", "--instance", "1", "--ownership-token", "7", "8", "--creator-ownership-token", "7", "--json");
        Assert.True(added.ExitCode == 0, added.Error);
        var secret = (string)JsonNode.Parse(added.Output)!["secret"]!;
        using var list = await ServeProcess.RunAsync("client", "list", "--database", server.Database, "--json");
        var listed = JsonNode.Parse(list.Output)!.AsArray().Single(c => (string)c!["key"]! == key)!;
        Assert.True(
            JsonNode.DeepEquals(
                JsonNode.Parse($$"""
                    {"key":"{{key}}","name":"A SIS","claimSet":"SIS Vendor","educationOrganizationIds":[255901,255902],"namespacePrefixes":["uri://a.example","uri://b.example"],
                     "profiles":["No-Such-Profile"],"instanceIds":[1],"ownershipTokens":[7,8],"creatorOwnershipToken":7,"isEnabled":true}
                    """),
                listed),
            listed.ToJsonString());

        // The server, which runs meanwhile, lets it in, and its namespaces count.
        var token = await server.TokenAsync(key, secret);
        var info = (await server.SendAsync("POST", "/oauth/token_info", $"token={token}", "application/x-www-form-urlencoded", $"Bearer {token}")).Is(200).Json!;
        Assert.Equal(["uri://a.example", "uri://b.example"], info["namespace_prefixes"]!.AsArray().Select(p => (string)p!));

        // An instance that this server does not have leads nowhere.
        using var elsewhere = await AddAsync(server.Unique("elsewhere-"), "SIS Vendor", "--instance", "99", "--json");
        var other = JsonNode.Parse(elsewhere.Output)!;
        var lost = await server.TokenAsync((string)other["key"]!, (string)other["secret"]!);
        (await server.SendAsync("GET", "/data/v3/ed-fi/students", null, null, $"Bearer {lost}")).Is(403);
    }

    [Theory]
    [InlineData("No Such Set", "1", "--claim-set: there is no 'No Such Set' in this database. There are: ")]
    [InlineData("SIS Vendor", "0", "--education-organization takes ids")]
    [InlineData("SIS Vendor", "-5", "--education-organization takes ids")]
    public async Task What_can_not_be_is_refused_by_name_and_adds_nobody(string claimSet, string organization, string words)
    {
        var key = server.Unique("refused-");
        using var refused = await AddAsync(key, claimSet, "--education-organization=" + organization);
        Assert.Equal(4, refused.ExitCode);
        Assert.Contains(words, refused.Error, StringComparison.Ordinal);
        using var list = await ServeProcess.RunAsync("client", "list", "--database", server.Database);
        Assert.DoesNotContain(key, list.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_claim_sets_name_is_found_in_any_spelling_of_its_letters_and_a_key_is_plain()
    {
        using var added = await AddAsync(server.Unique("loose-"), "sis vendor");
        Assert.True(added.ExitCode == 0, added.Error);
        using var refused = await AddAsync("a key:with?signs", "SIS Vendor");
        Assert.Equal(4, refused.ExitCode);
        Assert.Contains("--key takes", refused.Error, StringComparison.Ordinal);
    }

    private Task<ServeProcess> AddAsync(string key, string claimSet, params string[] more) =>
        ServeProcess.RunAsync(["client", "add", "--name", "A SIS", "--claim-set", claimSet, "--key", key, "--database", server.Database, .. more]);
}

/// <summary>Over SQLite.</summary>
public sealed class SqliteServeClientTests(SqliteServer server) : ServeClientTests(server), IClassFixture<SqliteServer>;

/// <summary>Over PostgreSQL.</summary>
public sealed class PostgresServeClientTests(PostgresServer server) : ServeClientTests(server.OrSkip()), IClassFixture<PostgresServer>;
