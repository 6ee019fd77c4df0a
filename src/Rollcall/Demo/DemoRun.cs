using Rollcall.Cli;
using Rollcall.Exchange.Client;
using Rollcall.Exchange.Publish;
using Rollcall.Exchange.Sync;
using Rollcall.Exchange.Sync.Mapping;
using Rollcall.Exchange.Verify;
using Rollcall.Serve;
using Rollcall.Standard.Loading;

namespace Rollcall.Demo;

/// <summary>What <c>rollcall demo</c> can be told.</summary>
/// <param name="Port">Of the first API; the second takes the next. 0 takes any two free ones.</param>
internal sealed record DemoOptions(bool Once, int Students, int Port, string Folder);

/// <summary>The whole of Rollcall on one machine: serve, sync, a day of changes, sync again, publish, verify. Every claim that it prints
/// comes from the API's own counts, not from the run that is being judged.</summary>
internal sealed class DemoRun(DemoOptions options, DemoStory story, TimeProvider time) : IAsyncDisposable
{
    private const string Client = "sandbox";
    private ServeHost? _district;
    private ServeHost? _state;

    private string SisFile => Path.Combine(options.Folder, "limitless.db");

    private string Mapping => Path.Combine(options.Folder, "mapping");

    /// <returns>Whether every step did what it should.</returns>
    /// <exception cref="CliException">A step could not be done at all.</exception>
    public async Task<bool> RunAsync(CancellationToken cancellationToken)
    {
        var started = time.GetTimestamp();

        // 1. An API, and a student information system that is to be kept in step with it.
        _district = await StartAsync("district", options.Port, cancellationToken);
        story.Served("The district's Ed-Fi API", _district, File("district"), time.GetElapsedTime(started));
        var step = time.GetTimestamp();
        await LimitlessSis.CreateAsync(SisFile, options.Students, LimitlessSis.SeedDefault, cancellationToken);
        await LimitlessSis.WriteMappingAsync(Mapping, cancellationToken);
        story.MadeSis(SisFile, Mapping, options.Students, time.GetElapsedTime(step));

        // 2. The first sync sends everything, once.
        var (first, firstCounted) = await SyncAsync(_district, cancellationToken);
        var isFirstRight = first.Outcome == SyncOutcome.Done && firstCounted.Requests == first.Resources.Sum(r => r.Plan.Scanned);
        story.SyncedAll(first, firstCounted, isFirstRight);

        // 3. A day passes, and the second sync sends just what it changed.
        DayOfChanges day;
        await using (var sis = LimitlessSis.OpenSqlite(SisFile, Microsoft.Data.Sqlite.SqliteOpenMode.ReadWrite))
        {
            await sis.OpenAsync(cancellationToken);
            day = await LimitlessSis.ApplyDayAsync(sis, 1, cancellationToken: cancellationToken);
        }

        story.DayPassed(day);
        var (second, secondCounted) = await SyncAsync(_district, cancellationToken);
        var isSecondRight = second.Outcome == SyncOutcome.Done && secondCounted.Equals(day);
        story.SyncedChanges(second, day, secondCounted, isSecondRight);

        // 4. A third sync finds nothing to send.
        var (third, thirdCounted) = await SyncAsync(_district, cancellationToken);
        var isThirdRight = third.Outcome == SyncOutcome.NothingToDo && thirdCounted.Requests == 0;
        story.SyncedNothing(third, thirdCounted, isThirdRight);

        // 5. A second API gets everything from the first.
        step = time.GetTimestamp();
        _state = await StartAsync("state", options.Port == 0 ? 0 : options.Port + 1, cancellationToken);
        story.Served("The state's Ed-Fi API", _state, File("state"), time.GetElapsedTime(step));
        var published = await PublishAsync(cancellationToken);
        var isPublished = published.Outcome == "done";
        story.Published(published, isPublished);

        // 6. And both are equal, document by document.
        var verified = await VerifyAsync(cancellationToken);
        story.Verified(verified);

        var isRight = isFirstRight && isSecondRight && isThirdRight && isPublished && verified.IsEqual;
        story.Summary(isRight, time.GetElapsedTime(started), _district, _state, options);
        return isRight;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var host in (ServeHost?[])[_state, _district])
        {
            if (host is not null)
            {
                await host.DisposeAsync();
            }
        }
    }

    private static ApiConnection Connection(ServeHost host) => new(new Uri(host.Addresses[0]), Client, Client);

    private string File(string name) => Path.Combine(options.Folder, name + ".db");

    private async Task<ServeHost> StartAsync(string name, int port, CancellationToken cancellationToken)
    {
        try
        {
            return await ServeHost.StartAsync(
                new ServeOptions
                {
                    Urls = [$"http://127.0.0.1:{port}"],
                    Database = File(name),
                    Sandbox = true,
                    LogLevel = Microsoft.Extensions.Logging.LogLevel.Warning,
                },
                cancellationToken);
        }
        catch (ServeStartException failure)
        {
            throw new CliException(ExitCodes.Usage, failure.Message + " Here: --port.", failure);
        }
    }

    private async Task<(SyncReport Report, CountedWrites Counted)> SyncAsync(ServeHost host, CancellationToken cancellationToken)
    {
        var before = CountedWrites.Of(host);
        var folder = MappingFolder.Read(Mapping, CompactModelReader.EdFi52, new ProfileOverrides
        {
            SourceConnection = $"Data Source={SisFile}",
            TargetUrl = host.Addresses[0],
            TargetKey = Client,
            TargetSecret = Client,
            LedgerPath = File("ledger"),
        });
        var report = await new SyncRun(folder, CompactModelReader.EdFi52, new SyncOptions { Time = time }).RunAsync(cancellationToken);
        return (report, CountedWrites.Of(host).Since(before));
    }

    private async Task<PublishReport> PublishAsync(CancellationToken cancellationToken)
    {
        using var publish = await PublishRun.PrepareAsync(
            new PublishOptions
            {
                Source = Connection(_district!),
                Target = Connection(_state!),
                IncludeDescriptors = true,
            },
            cancellationToken);
        return await publish.RunAsync(cancellationToken);
    }

    private async Task<VerifyReport> VerifyAsync(CancellationToken cancellationToken)
    {
        using var verify = await VerifyRun.PrepareAsync(
            new VerifyOptions { Source = Connection(_district!), Target = Connection(_state!) }, cancellationToken);
        return await verify.RunAsync(cancellationToken);
    }
}

/// <summary>Requests to write that an API answered, by resource and method: its own count, whatever a client says of itself.</summary>
internal sealed class CountedWrites
{
    private readonly Dictionary<(string Resource, string Method), long> _counts;

    private CountedWrites(Dictionary<(string Resource, string Method), long> counts) => _counts = counts;

    public long Requests => _counts.Values.Sum();

    public IEnumerable<string> Resources => _counts.Keys.Select(k => k.Resource).Distinct().Order(StringComparer.Ordinal);

    public static CountedWrites Of(ServeHost host) => new(host.Counters.Snapshot()
        .Where(c => c.Resource.StartsWith('/') && c.Method is "POST" or "PUT" or "DELETE")
        .GroupBy(c => (c.Resource[(c.Resource.LastIndexOf('/') + 1)..], c.Method))
        .ToDictionary(g => g.Key, g => g.Sum(c => c.Count)));

    public CountedWrites Since(CountedWrites before) => new(_counts
        .Select(c => (c.Key, Count: c.Value - before._counts.GetValueOrDefault(c.Key)))
        .Where(c => c.Count > 0)
        .ToDictionary(c => c.Key, c => c.Count));

    public long Of(string resource, string method) => _counts.GetValueOrDefault((resource, method));

    /// <summary>Whether exactly the requests were counted that the day's changes need: for each resource and method neither more nor less.</summary>
    public bool Equals(DayOfChanges day) =>
        Requests == day.Requests
        && day.Resources.All(r => Of(r.Resource, "POST") == r.Created && Of(r.Resource, "PUT") == r.Updated + r.KeyChanged && Of(r.Resource, "DELETE") == r.Deleted);
}
