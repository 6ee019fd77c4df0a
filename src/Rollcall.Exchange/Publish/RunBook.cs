using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Rollcall.Exchange.Client;
using Rollcall.Exchange.State;
using Rollcall.Standard.Model;

namespace Rollcall.Exchange.Publish;

/// <summary>Decides where a publish begins: anew, where a killed run stopped, or after a run that only set something aside; and ends it in
/// the state file and in the store of last change versions. One process has a pair at a time.</summary>
internal sealed class RunBook : IAsyncDisposable
{
    /// <summary>A copy without change versions goes on only this long: what changes at the source meanwhile, nobody tells.</summary>
    private static readonly TimeSpan _copyMax = TimeSpan.FromHours(24);
    private static readonly TimeSpan _windowMax = TimeSpan.FromDays(7);

    private readonly PublishOptions _options;
    private readonly IConnectionStore? _store;
    private readonly IAsyncDisposable? _storeLock;
    private readonly TimeProvider _time;

    private RunBook(PublishOptions options, IConnectionStore? store, PublishState? state, IAsyncDisposable? storeLock, TimeProvider time)
    {
        _options = options;
        _store = store;
        State = state;
        _storeLock = storeLock;
        _time = time;
    }

    /// <summary>Null when nothing is kept.</summary>
    public PublishState? State { get; }

    public StoredRun? Run { get; private set; }

    /// <summary>The store cannot be written, so the last change version is only told.</summary>
    public bool IsReadOnly { get; private init; }

    /// <summary>The run goes on where another process stopped.</summary>
    public bool IsResumed { get; private set; }

    /// <summary>What the user should know of how this run begins.</summary>
    public List<string> Notices { get; } = [];

    /// <exception cref="InvalidDataException">Another process publishes this pair.</exception>
    public static async Task<RunBook> OpenAsync(PublishOptions options, IConnectionStore? store, TimeProvider time, CancellationToken cancellationToken)
    {
        if (options.DryRun)
        {
            return new RunBook(options, store, null, null, time);
        }

        var pair = Pair(options);
        var busy = $"Another process publishes from {options.SourceName ?? options.Source.ToString()} to {options.TargetName ?? options.Target.ToString()}; two at once would undo each other's work.";
        var state = options.StateFolder is { } folder ? PublishState.TryOpen(folder, pair, time) ?? throw new InvalidDataException(busy) : null;
        try
        {
            var storeLock = store is not null && IsNamed(options) ? await store.TryLockAsync(pair, cancellationToken) ?? throw new InvalidDataException(busy) : null;
            return new RunBook(options, store, state, storeLock, time);
        }
        catch (Exception fault) when (fault is (IOException and not DirectoryNotFoundException) or UnauthorizedAccessException)
        {
            // The state file's own lock keeps others away.
            return new RunBook(options, store, state, null, time)
            {
                IsReadOnly = true,
                Notices = { $"{store!.Shown} cannot be written, so the last change version will be told and not kept: {fault.Message}" },
            };
        }
        catch
        {
            state?.Dispose();
            throw;
        }
    }

    public static bool IsNamed(PublishOptions options) => options.SourceName is not null && options.TargetName is not null;

    /// <summary>Begins or goes on.</summary>
    /// <param name="window">From the last change version that the store knows.</param>
    /// <returns>The window of the run, which may be another.</returns>
    public async Task<ChangeWindow?> BeginAsync(EdFiClient target, IReadOnlyList<ResourceName> resources, ChangeWindow? window, CancellationToken cancellationToken)
    {
        if (State is null)
        {
            return window;
        }

        var selection = Selection(resources);
        var last = State.LastRun();
        var comparable = !_options.Restart && last is not null && last.Selection == selection && last.Base == _options.LastChangeVersionProcessed
            && last.Upper is null == window is null && (last.Upper is null || last.Upper <= window!.Upper);
        // When all but something unreadable has arrived, there is no use in going on in an old window: what has changed since would wait.
        var goesOn = comparable && (last!.Status == "running" || (last.Status == "unread" && last.Upper == window?.Upper));
        if (goesOn && _time.GetUtcNow() - last!.StartedAt < (window is null ? _copyMax : _windowMax))
        {
            if (await IsSameTargetAsync(target, last, cancellationToken))
            {
                Run = last;
                IsResumed = true;
                Notices.Add(string.Create(
                    CultureInfo.InvariantCulture, $"Run {last.Id} of {last.StartedAt:yyyy-MM-dd HH:mm} UTC was not ended; it goes on where it was. (--restart begins anew.)"));
                return last.Upper is { } upper ? new ChangeWindow(Math.Min(last.Lower ?? 1, upper), upper) : null;
            }

            Notices.Add(string.Create(CultureInfo.InvariantCulture, $"Run {last.Id} was not ended, but the target no longer has what it brought; it begins anew."));
        }

        StoredRun? adopted = null;
        if (comparable && last!.Status == "refusals" && last.Upper is { } covered)
        {
            // What that run brought is there; what it set aside is tried again, and counts for the last change version.
            adopted = last;
            // With nothing new, the last version once more: a window of which the end comes before the beginning is no good request.
            window = new ChangeWindow(Math.Min(covered + 1, window!.Upper), window.Upper);
            Notices.Add(string.Create(
                CultureInfo.InvariantCulture, $"Run {last.Id} set {State.SetAsideCount(last.Id):N0} documents aside; they are sent again."));
        }

        Run = State.Begin(selection, _options.LastChangeVersionProcessed, window?.Lower, window?.Upper, adopted);
        return window;
    }

    /// <summary>Writes how the run ended. The last change version moves only when everything in the window is at the target.</summary>
    /// <returns>The version that was kept under the connections' names; null when it stays.</returns>
    public async Task<long?> EndAsync(bool isComplete, bool isRefused, CancellationToken cancellationToken)
    {
        if (!isComplete)
        {
            return null;
        }

        if (isRefused)
        {
            if (State is not null)
            {
                State.End(Run!.Id, "refusals");
                State.WriteSetAsideFile(Run.Id);
            }

            return null;
        }

        return await MoveAsync("done", Run?.Upper, cancellationToken);
    }

    /// <summary>Notes that the run is through but for what could not be read.</summary>
    public void LeaveUnread()
    {
        if (Run is { } run)
        {
            State!.LeaveUnread(run.Id);
        }
    }

    /// <summary>Accepts that what a run set aside is not at the target.</summary>
    /// <exception cref="InvalidDataException">There is no such run, it has not read everything, or there is nothing to accept.</exception>
    public async Task<(long SetAside, long? Moved)> AcknowledgeAsync(long id, CancellationToken cancellationToken)
    {
        if (State?.LastRun() is { Status: "running" or "unread" } begun && begun.Id == id)
        {
            throw new InvalidDataException(string.Create(
                CultureInfo.InvariantCulture, $"--acknowledge={id}: run {id} is not at its end, so nobody knows what it leaves out. Publish again: it goes on where it was."));
        }

        if (State?.LastRun() is not { } last || last.Id != id || last.Status != "refusals")
        {
            throw new InvalidDataException(State?.LastRun() is { Status: "refusals" } open
                ? string.Create(CultureInfo.InvariantCulture, $"--acknowledge={id}: the run that waits is {open.Id}")
                : string.Create(CultureInfo.InvariantCulture, $"--acknowledge={id}: no run of this pair waits for it"));
        }

        if (IsReadOnly)
        {
            throw new ConnectionStoreException($"{_store!.Shown} cannot be written, so the last change version would not move.");
        }

        Run = last;
        var count = State.SetAsideCount(id);
        return (count, await MoveAsync("acknowledged", last.Upper, cancellationToken));
    }

    /// <summary>First the version, then the end: if only the first is written, the next run begins after it all the same.</summary>
    private async Task<long?> MoveAsync(string status, long? upper, CancellationToken cancellationToken)
    {
        long? moved = null;
        if (upper is { } version && IsNamed(_options) && _store is not null && !IsReadOnly)
        {
            await _store.KeepChangeVersionAsync(
                _options.SourceName!, ConnectionNames.TargetOf(_options.VersionNamespace, _options.TargetName!), version, cancellationToken);
            moved = version;
        }

        State?.End(Run!.Id, status);
        return moved;
    }

    private async Task<bool> IsSameTargetAsync(EdFiClient target, StoredRun run, CancellationToken cancellationToken)
    {
        if (State!.Witness(run.Id) is not { } witness)
        {
            return true;
        }

        var answer = await target.GetAsync(ResourceName.TryParse(witness.Path)!.Value, witness.Id, cancellationToken);
        using (answer.Body)
        {
            return answer.Failure?.Kind is not (FailureKind.NotFound or FailureKind.Gone);
        }
    }

    private string Selection(IReadOnlyList<ResourceName> resources) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join(
        '\n',
        [
            Place(_options.Source), Place(_options.Target), _options.Source.ProfileName ?? "", _options.Target.ProfileName ?? "", _options.Source.Scope ?? "",
            .. resources.Select(r => r.Path).Order(StringComparer.Ordinal),
        ]))));

    /// <summary>A connection of the same name may have been given another address or year.</summary>
    private static string Place(ApiConnection connection) => string.Create(CultureInfo.InvariantCulture, $"{connection.Url} {connection.SchoolYear}");

    private static string Pair(PublishOptions options) => string.Join(
        '\n', options.SourceName ?? Shown(options.Source), options.TargetName ?? Shown(options.Target), options.VersionNamespace ?? "");

    private static string Shown(ApiConnection connection) =>
        string.Create(CultureInfo.InvariantCulture, $"{connection.Url} {connection.SchoolYear} {connection.Scope} {Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(connection.Key)))[..8]}");

    public async ValueTask DisposeAsync()
    {
        State?.Dispose();
        if (_storeLock is not null)
        {
            await _storeLock.DisposeAsync();
        }
    }
}
