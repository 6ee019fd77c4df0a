using Rollcall.Serve.Storage;

namespace Rollcall.Tests.Serve.Storage;

/// <summary>Every rule of <see cref="IDocumentStore"/> as a test. A store passes by inheriting this class and saying how it is opened.</summary>
public abstract partial class StoreConformance : IAsyncLifetime
{
    private World? _world;

    /// <summary>A store that holds nothing, of this test alone. Called once a test.</summary>
    protected abstract Task<IDocumentStore> OpenEmptyAsync(TimeProvider time);

    /// <summary>Opens again what the store left behind after it was disposed; null when it leaves nothing.</summary>
    protected virtual Task<IDocumentStore?> ReopenAsync(TimeProvider time) => Task.FromResult<IDocumentStore?>(null);

    /// <summary>Called when the store is closed.</summary>
    protected virtual void RemoveWhatIsLeft()
    {
    }

    /// <summary>Whether a request by itself draws exactly the versions that it needs.</summary>
    protected virtual bool HasExactVersions => true;

    protected SteppingTime Time { get; } = new();

    protected World World => _world ?? throw new InvalidOperationException("The store is opened before each test.");

    public async ValueTask InitializeAsync()
    {
        _world = new World(await OpenEmptyAsync(Time));
        await _world.SeedAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await World.Store.DisposeAsync();
        RemoveWhatIsLeft();
        GC.SuppressFinalize(this);
    }
}

/// <summary>A clock that a test moves.</summary>
public sealed class SteppingTime : TimeProvider
{
    private DateTimeOffset _now = new(2026, 1, 5, 17, 20, 11, TimeSpan.Zero);

    public override DateTimeOffset GetUtcNow() => _now;

    public void Advance(TimeSpan by) => _now += by;
}
