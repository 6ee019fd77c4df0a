using System.Collections;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Npgsql;
using Rollcall.Exchange.Publish;
using Rollcall.Exchange.State;

namespace Rollcall.IntegrationTests.Exchange;

/// <summary>The stores that are servers: a real PostgreSQL with the API Publisher's own script, and a stand-in for the AWS service that
/// checks every signature.</summary>
public sealed class ConnectionStoreTests(PostgresFixture postgres) : IClassFixture<PostgresFixture>
{
    [Fact]
    public async Task PostgreSQL_rows_made_by_the_documented_script_are_read_and_kept_and_secrets_are_encrypted()
    {
        await using var database = await postgres.EmptyAsync();
        await RunAsync(database.ConnectionString, """
            create extension pgcrypto;
            create schema dbo;
            create table dbo.configuration_value(configuration_key varchar(450) primary key, configuration_value text, configuration_value_encrypted bytea);
            insert into dbo.configuration_value values
              ('/ed-fi/apiPublisher/connections/Src/url', 'http://a', null),
              ('/ed-fi/apiPublisher/connections/Src/key', null, pgp_sym_encrypt('k', 'pw')),
              ('/ed-fi/apiPublisher/connections/Src/secret', null, pgp_sym_encrypt('s', 'pw')),
              ('/ed-fi/apiPublisher/connections/Src/lastChangeVersionsProcessed', '{"OTHER":77}', null),
              ('/ed-fi/apiPublisher/connections/Src2/secret', null, pgp_sym_encrypt('t', 'another password'));
            """);
        await using var store = new PostgresStore(database.ConnectionString, "pw");
        var values = (await store.ReadAsync("Src", CancellationToken.None))!;
        Assert.Equal(("http://a", "k", "s"), (values["url"], values["key"], values["secret"]));
        await Parallel.ForAsync(0, 10, async (i, _) => await store.KeepChangeVersionAsync("Src", "T" + i, i, CancellationToken.None));
        var versions = (await store.ReadAsync("Src", CancellationToken.None))![ConnectionNames.LastChangeVersions];
        Assert.Equal(77, ConnectionNames.VersionOf(versions, "other"));
        Assert.All(Enumerable.Range(0, 10), i => Assert.Equal(i, ConnectionNames.VersionOf(versions, "T" + i)));

        await store.WriteAsync("New", new Dictionary<string, string?> { ["url"] = "http://n", ["secret"] = "mark-4711" }, CancellationToken.None);
        Assert.Equal("mark-4711", (await store.ReadAsync("New", CancellationToken.None))!["secret"]);
        Assert.Equal(0L, await RunAsync(database.ConnectionString, "select count(*) from dbo.configuration_value where configuration_value like '%4711%'"));
        Assert.Equal("mark-4711", await RunAsync(database.ConnectionString,
            "select pgp_sym_decrypt(configuration_value_encrypted, 'pw') from dbo.configuration_value where configuration_key = '/ed-fi/apiPublisher/connections/New/secret'"));
        Assert.Equal(["New", "Src", "Src2"], await store.ListAsync(CancellationToken.None));
        Assert.True(await store.RemoveAsync("New", CancellationToken.None));
        Assert.Null(await store.ReadAsync("New", CancellationToken.None));

        var wrong = await Assert.ThrowsAsync<ConnectionStoreException>(() => store.ReadAsync("Src2", CancellationToken.None));
        Assert.Contains("was encrypted with another password", wrong.Message, StringComparison.Ordinal);
        await using (await store.TryLockAsync("pair", CancellationToken.None))
        {
            await using var other = new PostgresStore(database.ConnectionString, "pw");
            Assert.Null(await other.TryLockAsync("pair", CancellationToken.None));
        }

        await using var free = await store.TryLockAsync("pair", CancellationToken.None);
        Assert.NotNull(free);
    }

    [Fact]
    public async Task PostgreSQL_tells_connections_apart_by_letter_case_and_their_values_not()
    {
        await using var database = await postgres.EmptyAsync();
        await RunAsync(database.ConnectionString, """
            create extension pgcrypto;
            create schema dbo;
            create table dbo.configuration_value(configuration_key varchar(450) primary key, configuration_value text, configuration_value_encrypted bytea);
            insert into dbo.configuration_value values
              ('/ed-fi/apiPublisher/connections/Src/URL', 'http://large', null),
              ('/ed-fi/apiPublisher/connections/Src/LastChangeVersionsProcessed', '{"T":5}', null),
              ('/ed-fi/apiPublisher/connections/src/url', 'http://small', null),
              ('/ed-fi/apiPublisher/connections/src/secret', null, pgp_sym_encrypt('of another', 'another password'));
            """);
        await using var store = new PostgresStore(database.ConnectionString, "pw");
        await TellsApartAsync(store);
        await store.WriteAsync("Src", new Dictionary<string, string?> { ["url"] = "http://larger" }, CancellationToken.None);
        Assert.Equal(1L, await RunAsync(database.ConnectionString, "select count(*) from dbo.configuration_value where configuration_key like '%/Src/_rl' or configuration_key like '%/Src/URL'"));
        Assert.Equal("http://small", await RunAsync(database.ConnectionString, "select configuration_value from dbo.configuration_value where configuration_key like '%/src/url'"));
        Assert.True(await store.RemoveAsync("Src", CancellationToken.None));
        Assert.Equal(2L, await RunAsync(database.ConnectionString, "select count(*) from dbo.configuration_value"));

        var settings = PublishArguments.Read(["--sourceName=SRC", "--configurationStoreProvider=postgreSql"], new Hashtable(), Path.GetTempPath());
        var fault = await Assert.ThrowsAsync<InvalidDataException>(() => NamedConnections.CompleteAsync(settings, store, CancellationToken.None));
        Assert.Contains("there is no connection 'SRC'", fault.Message, StringComparison.Ordinal);
        Assert.Contains("do you mean 'src'?", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AWS_tells_connections_apart_by_letter_case_and_their_values_not()
    {
        var credentials = new AwsCredentials("AKIDEXAMPLE", "secret", "session");
        await using var service = await ParameterService.StartAsync(credentials);
        await using var store = new AwsParameterStore("us-east-1", credentials, service.Url, TimeProvider.System);
        await store.WriteAsync("Src", new Dictionary<string, string?> { ["URL"] = "http://large", ["LastChangeVersionsProcessed"] = """{"T":5}""" }, CancellationToken.None);
        await store.WriteAsync("src", new Dictionary<string, string?> { ["url"] = "http://small" }, CancellationToken.None);
        await TellsApartAsync(store);
    }

    /// <summary>As the API Publisher finds them in these stores: a connection's name as it is spelled, its values' names in any case.</summary>
    private static async Task TellsApartAsync(IConnectionStore store)
    {
        Assert.Equal("http://large", (await store.ReadAsync("Src", CancellationToken.None))!["url"]);
        Assert.Null(await store.ReadAsync("SRC", CancellationToken.None));
        Assert.Equal(["Src", "src"], (await store.ListAsync(CancellationToken.None)).Order(StringComparer.Ordinal));
        await store.KeepChangeVersionAsync("Src", "t", 6, CancellationToken.None);
        var values = (await store.ReadAsync("Src", CancellationToken.None))!;
        Assert.Equal((2, """{"T":6}"""), (values.Count, values[ConnectionNames.LastChangeVersions]));
        Assert.False(await store.RemoveAsync("SRC", CancellationToken.None));
    }

    [Fact]
    public async Task AWS_parameters_are_read_page_by_page_and_written_by_signed_requests()
    {
        var credentials = new AwsCredentials("AKIDEXAMPLE", "secret", "session");
        await using var service = await ParameterService.StartAsync(credentials);
        await using var store = new AwsParameterStore("us-east-1", credentials, service.Url, TimeProvider.System);
        var many = ConnectionNames.All.Where(n => n != ConnectionNames.LastChangeVersions).ToDictionary(n => n, n => (string?)("value of " + n));
        await store.WriteAsync("Src", many, CancellationToken.None);
        Assert.Equal(("SecureString", "SecureString", "String"), (service.TypeOf("Src/key"), service.TypeOf("Src/secret"), service.TypeOf("Src/url")));
        var values = (await store.ReadAsync("Src", CancellationToken.None))!;
        Assert.Equal(many.Count, values.Count);
        Assert.True(service.Pages > 1, "the parameters must have come on several pages");
        await store.KeepChangeVersionAsync("Src", "A", 5, CancellationToken.None);
        await store.KeepChangeVersionAsync("Src", "B", 6, CancellationToken.None);
        Assert.Equal("""{"A":5,"B":6}""", (await store.ReadAsync("Src", CancellationToken.None))![ConnectionNames.LastChangeVersions]);
        Assert.Equal(["Src"], await store.ListAsync(CancellationToken.None));
        Assert.True(await store.RemoveAsync("Src", CancellationToken.None));
        Assert.Null(await store.ReadAsync("Src", CancellationToken.None));

        await using var stranger = new AwsParameterStore("us-east-1", credentials with { SecretKey = "wrong" }, service.Url, TimeProvider.System);
        var refused = await Assert.ThrowsAsync<ConnectionStoreException>(() => stranger.ReadAsync("Src", CancellationToken.None));
        Assert.Contains("InvalidSignatureException", refused.Message, StringComparison.Ordinal);
    }

    private static async Task<object?> RunAsync(string connectionString, string sql)
    {
        await using var open = new NpgsqlConnection(connectionString);
        await open.OpenAsync(TestContext.Current.CancellationToken);
        await using var command = new NpgsqlCommand(sql, open);
        return await command.ExecuteScalarAsync(TestContext.Current.CancellationToken);
    }

    /// <summary>What of the service a store uses; the signature is made anew from what arrived.</summary>
    private sealed class ParameterService(WebApplication app, AwsCredentials credentials) : IAsyncDisposable
    {
        private readonly SortedDictionary<string, (string Value, string Type)> _parameters = new(StringComparer.Ordinal);

        public Uri Url => new(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First() + "/");

        public int Pages { get; private set; }

        public static async Task<ParameterService> StartAsync(AwsCredentials credentials)
        {
            var builder = WebApplication.CreateSlimBuilder();
            builder.Logging.ClearProviders();
            builder.WebHost.UseUrls("http://127.0.0.1:0");
            var service = new ParameterService(builder.Build(), credentials);
            await service.BeginAsync();
            return service;
        }

        public string TypeOf(string name) => _parameters["/ed-fi/apiPublisher/connections/" + name].Type;

        private Task BeginAsync()
        {
            app.Run(HandleAsync);
            return app.StartAsync();
        }

        private async Task HandleAsync(HttpContext http)
        {
            using var memory = new MemoryStream();
            await http.Request.Body.CopyToAsync(memory);
            var authorization = http.Request.Headers.Authorization.ToString();
            var signed = authorization.Split("SignedHeaders=")[1].Split(',')[0].Split(';');
            var at = DateTimeOffset.ParseExact(
                http.Request.Headers["X-Amz-Date"].ToString(), "yyyyMMdd'T'HHmmss'Z'", System.Globalization.CultureInfo.InvariantCulture, System.Globalization.DateTimeStyles.AssumeUniversal);
            var expected = AwsSignature.Authorization(
                credentials, "us-east-1", "ssm", "POST", "/", [], signed.Select(h => new KeyValuePair<string, string>(h, http.Request.Headers[h].ToString())), memory.ToArray(), at);
            if (authorization != expected || http.Request.Headers["X-Amz-Security-Token"] != "session" || !signed.Contains("x-amz-target"))
            {
                http.Response.StatusCode = 400;
                await http.Response.WriteAsync("""{"__type":"com.amazonaws#InvalidSignatureException"}""");
                return;
            }

            var asked = JsonNode.Parse(memory.ToArray())!;
            var answer = new JsonObject();
            switch (http.Request.Headers["X-Amz-Target"].ToString())
            {
                case "AmazonSSM.PutParameter":
                    _parameters[asked["Name"]!.ToString()] = (asked["Value"]!.ToString(), asked["Type"]!.ToString());
                    break;
                case "AmazonSSM.DeleteParameters":
                    foreach (var name in asked["Names"]!.AsArray())
                    {
                        _parameters.Remove(name!.ToString());
                    }

                    break;
                case "AmazonSSM.GetParametersByPath":
                    Pages++;
                    var from = int.Parse(asked["NextToken"]?.ToString() ?? "0", System.Globalization.CultureInfo.InvariantCulture);
                    var found = _parameters.Where(p => p.Key.StartsWith(asked["Path"]!.ToString(), StringComparison.Ordinal)).ToList();
                    answer["Parameters"] = new JsonArray([.. found.Skip(from).Take(10).Select(p => new JsonObject { ["Name"] = p.Key, ["Value"] = p.Value.Value })]);
                    if (found.Count > from + 10)
                    {
                        answer["NextToken"] = (from + 10).ToString(System.Globalization.CultureInfo.InvariantCulture);
                    }

                    break;
            }

            await http.Response.WriteAsync(answer.ToJsonString());
        }

        public ValueTask DisposeAsync() => app.DisposeAsync();
    }
}
