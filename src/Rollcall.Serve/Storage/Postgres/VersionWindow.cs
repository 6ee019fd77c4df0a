namespace Rollcall.Serve.Storage.Postgres;

/// <summary>Bounds of change versions, both inclusive; default for all.</summary>
/// <param name="Newest">The newest version a moment ago: enough to choose a plan by, and nothing else.</param>
internal readonly record struct VersionWindow(long? Min, long? Max, long Newest)
{
    /// <summary>A window of at most this many versions is collected by version and sorted; a wider one is walked in row order.</summary>
    private const long NarrowMax = 50_000;

    public bool IsNarrow => (Min ?? Max) is not null && Math.Min(Max ?? long.MaxValue, Newest) - (Min ?? 0) < NarrowMax;

    /// <summary>Few versions lie outside.</summary>
    public bool IsNearlyAll => (Min ?? 0) < NarrowMax && Newest - (Max ?? long.MaxValue) < NarrowMax;
}
