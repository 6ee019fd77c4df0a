using System.Diagnostics;
using Rollcall.IntegrationTests.Serve.Http;
using Rollcall.Serve;
using Rollcall.Serve.Security;

namespace Rollcall.IntegrationTests.Serve.Admin;

/// <summary>What a server that believes an issuer runs with: the issuer, and a clock that a test can put forward.</summary>
public sealed class OidcSurroundings : TimeProvider, IAsyncDisposable
{
    private long _ahead;

    public TestIssuer Issuer { get; private set; } = null!;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override DateTimeOffset GetUtcNow() => System.GetUtcNow().AddTicks(Volatile.Read(ref _ahead));

    public override long GetTimestamp() => Stopwatch.GetElapsedTime(0).Ticks + Volatile.Read(ref _ahead);

    public void PutForward(TimeSpan by) => Interlocked.Add(ref _ahead, by.Ticks);

    public async Task<ServeOptions> WithAsync(ServeOptions options)
    {
        Issuer = await TestIssuer.StartAsync();
        return options with { Oidc = new OidcOptions { Issuer = Issuer.Root, Audience = TestIssuer.Audience } };
    }

    public ValueTask DisposeAsync() => Issuer?.DisposeAsync() ?? ValueTask.CompletedTask;
}

/// <summary>A server over SQLite that believes an issuer.</summary>
public sealed class SqliteOidcServer : SqliteServer
{
    public OidcSurroundings Oidc { get; } = new();

    protected override TimeProvider? Time => Oidc;

    protected override Task<ServeOptions> WithAsync(ServeOptions options) => Oidc.WithAsync(options);

    protected override async Task DropAsync()
    {
        await base.DropAsync();
        await Oidc.DisposeAsync();
    }
}

/// <summary>The same over PostgreSQL.</summary>
public sealed class PostgresOidcServer(PostgresFixture postgres) : PostgresServer(postgres)
{
    public OidcSurroundings Oidc { get; } = new();

    protected override TimeProvider? Time => Oidc;

    protected override Task<ServeOptions> WithAsync(ServeOptions options) => Oidc.WithAsync(options);

    protected override async Task DropAsync()
    {
        await base.DropAsync();
        await Oidc.DisposeAsync();
    }
}
