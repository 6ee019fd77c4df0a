using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Rollcall.IntegrationTests.EndToEnd;

/// <summary>What a user gets for wrong input: a message that says what and where, the right exit code or status, and nothing changed.</summary>
public sealed class WrongInputTests
{
    private static readonly string _data = RepositoryRoot.File("tests", "data", "grand-bend");

    [Theory]
    [InlineData("moo")]
    [InlineData("serve --moo")]
    [InlineData("load . --moo")]
    [InlineData("publish --moo=1")]
    [InlineData("verify --moo=1")]
    [InlineData("sync moo")]
    [InlineData("sync run . --moo")]
    [InlineData("model show moo")]
    [InlineData("demo --moo")]
    public async Task An_unknown_verb_option_or_resource_is_a_usage_error_that_names_it(string line)
    {
        var (exitCode, output, errors) = await RollcallCli.RunAsync(line.Split(' '));
        Assert.Equal(4, exitCode);
        Assert.Contains("moo", errors, StringComparison.Ordinal);
        Assert.Empty(output);
    }

    [Fact]
    public async Task An_unreachable_target_ends_with_5_and_names_the_address()
    {
        var url = $"http://127.0.0.1:{FreePort()}";
        var load = await RollcallCli.RunAsync("load", _data, "--url", url, "--key", "sandbox", "--secret", "sandbox");
        Assert.Equal(5, load.ExitCode);
        Assert.Contains(url, load.Errors, StringComparison.Ordinal);

        var publish = await RollcallCli.RunAsync(
            "publish", $"--sourceUrl={url}", "--sourceKey=k", "--sourceSecret=s", $"--targetUrl={url}", "--targetKey=k", "--targetSecret=s");
        Assert.Equal(5, publish.ExitCode);
        Assert.Contains(url, publish.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_wrong_secret_ends_with_5_is_not_shown_and_nothing_is_sent()
    {
        using var folder = new TemporaryFolder();
        await using var server = await RollcallServer.StartAsync(folder.File("api.db"));
        using var client = await server.ConnectAsync();
        var before = await ApiContents.NewestChangeVersionAsync(client);

        var (exitCode, output, errors) = await RollcallCli.RunAsync("load", _data, "--url", server.Url, "--key", "sandbox", "--secret", "open-sesame");
        Assert.Equal(5, exitCode);
        Assert.Contains(server.Url, errors, StringComparison.Ordinal);
        Assert.Contains("key and secret", errors, StringComparison.Ordinal);
        Assert.DoesNotContain("open-sesame", output + errors, StringComparison.Ordinal);
        Assert.Equal(before, await ApiContents.NewestChangeVersionAsync(client));
    }

    [Fact]
    public async Task Bodies_that_are_not_JSON_or_far_too_large_are_refused_and_change_nothing()
    {
        using var folder = new TemporaryFolder();
        await using var server = await RollcallServer.StartAsync(folder.File("api.db"));
        using var client = await server.ConnectAsync();
        var before = await ApiContents.NewestChangeVersionAsync(client);

        using (var notJson = await client.PostAsync("data/v3/ed-fi/students", new StringContent("<student/>", Encoding.UTF8, "application/json")))
        {
            Assert.Equal(HttpStatusCode.BadRequest, notJson.StatusCode);
            Assert.Contains("urn:ed-fi:api:bad-request:data-validation-failed", await notJson.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        }

        using (var request = new HttpRequestMessage(HttpMethod.Post, "data/v3/ed-fi/students"))
        {
            request.Headers.ExpectContinue = true;
            request.Content = new ByteArrayContent(new byte[50 * 1024 * 1024]);
            using var large = await client.SendAsync(request);
            Assert.Equal(HttpStatusCode.RequestEntityTooLarge, large.StatusCode);
        }

        Assert.Equal(before, await ApiContents.NewestChangeVersionAsync(client));
        Assert.Equal(0, await ApiContents.CountAsync(client, "students"));
    }

    [Fact]
    public async Task A_file_that_is_not_a_database_is_refused_and_left_as_it_is()
    {
        using var folder = new TemporaryFolder();
        var file = folder.File("letter.db");
        await File.WriteAllTextAsync(file, "Dear parents, this is a letter and not a database. It is long enough to have a header of sixteen bytes and more.");
        var before = await File.ReadAllBytesAsync(file);

        var (exitCode, _, errors) = await RollcallCli.RunAsync("serve", "--database", file, "--urls", "http://127.0.0.1:0");
        Assert.Equal(4, exitCode);
        Assert.Contains("letter.db", errors, StringComparison.Ordinal);
        Assert.Equal(before, await File.ReadAllBytesAsync(file));
    }

    [Fact]
    public async Task A_port_in_use_is_refused_and_the_database_is_not_made()
    {
        using var folder = new TemporaryFolder();
        using var other = new TcpListener(IPAddress.Loopback, 0);
        other.Start();
        var url = $"http://127.0.0.1:{((IPEndPoint)other.LocalEndpoint).Port}";

        var (exitCode, _, errors) = await RollcallCli.RunAsync("serve", "--database", folder.File("new.db"), "--urls", url);
        Assert.Equal(4, exitCode);
        Assert.Contains(url, errors, StringComparison.Ordinal);
        Assert.False(File.Exists(folder.File("new.db")));
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
