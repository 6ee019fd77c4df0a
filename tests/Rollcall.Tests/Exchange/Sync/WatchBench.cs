using System.Collections.Concurrent;
using Rollcall.Exchange.Sync;
using Rollcall.Standard.Loading;

namespace Rollcall.Tests.Exchange.Sync;

/// <summary>A <c>watch</c> that runs beside a test, and waits for what the API should come to hold.</summary>
internal sealed class WatchBench : IAsyncDisposable
{
    private readonly SyncBench _bench;
    private readonly CancellationTokenSource _stop = new();
    private readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Task _watch;

    private WatchBench(SyncBench bench, TimeProvider? time)
    {
        _bench = bench;
        var options = bench.With(new SyncOptions { Kind = "watch" });
        var watch = new SyncWatch(bench.Read(), CompactModelReader.EdFi52, time is null ? options : options with { Time = time })
        {
            Reported = Reports.Enqueue,
            Said = text =>
            {
                Said.Enqueue(text);
                if (text == "watching")
                {
                    _ready.TrySetResult();
                }
            },
        };
        _watch = Task.Run(() => watch.RunAsync(false, _stop.Token));
    }

    public ConcurrentQueue<SyncReport> Reports { get; } = new();

    public ConcurrentQueue<string> Said { get; } = new();

    /// <summary>Rules that lead from changed rows to the usual mapping's source keys.</summary>
    public static void WriteMapping(SyncBench bench)
    {
        bench.WithUsualMapping();
        bench.Write("resources/students.sql", "-- key-change: auto\n-- affects: pupil: select :id\n" + SyncBench.Students);
        bench.Write("resources/studentSchoolAssociations.sql", """
            -- affects: stint: select :id
            --          pupil: select id from stint where pupil = :id

            """ + SyncBench.Enrolments);
        bench.Write("resources/studentSchoolAttendanceEvents.sql", """
            -- affects: absence: select :id
            --          pupil:   select id from absence where pupil = :id

            """ + SyncBench.Absences);
    }

    /// <summary>Returns once the first look is through.</summary>
    public static async Task<WatchBench> StartAsync(SyncBench bench, TimeProvider? time = null)
    {
        var watch = new WatchBench(bench, time);
        if (await Task.WhenAny(watch._ready.Task, watch._watch) == watch._watch)
        {
            await watch._watch;
        }

        return watch;
    }

    /// <summary>A <c>watch --once</c>.</summary>
    public static async Task<IReadOnlyList<SyncReport>> OnceAsync(SyncBench bench, Action<string>? probe = null)
    {
        var reports = new List<SyncReport>();
        await new SyncWatch(bench.Read(), CompactModelReader.EdFi52, bench.With(new SyncOptions { Kind = "watch", Probe = probe })) { Reported = reports.Add }.RunAsync(true, CancellationToken.None);
        return reports;
    }

    public async Task UntilAsync(Func<bool> isSo, string what)
    {
        for (var n = 0; n < 600; n++)
        {
            if (isSo())
            {
                return;
            }

            if (_watch.IsFaulted)
            {
                await _watch;
            }

            await Task.Delay(50);
        }

        Assert.Fail($"After 30 s: {what}. Students: {string.Join("\n", _bench.Api.All("students"))}\nEnrolments: {string.Join("\n", _bench.Api.All("studentSchoolAssociations"))}");
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _watch.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Dispose();
    }
}
