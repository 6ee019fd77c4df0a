using System.Collections.Concurrent;
using System.Globalization;
using Rollcall.Exchange.Client;
using Rollcall.Exchange.Delivery;
using Rollcall.Exchange.Load;
using Rollcall.Exchange.Publish.Remediation;
using Rollcall.Exchange.State;
using Rollcall.Standard.Model;

namespace Rollcall.Exchange.Publish;

/// <summary>Brings what is selected from one Ed-Fi API to another: all of it, or what has changed since the last time.</summary>
/// <remarks>
/// <list type="number">
/// <item>Connect to both, and read the order in which the target takes resources.</item>
/// <item>Choose the resources; those that the source does not have are named and left out.</item>
/// <item>Make the source stand still, unless told otherwise, and find the window of change versions.</item>
/// <item>Begin, or go on where a killed run stopped (<see cref="RunBook"/>).</item>
/// <item>Changed keys, upserts, deletes (<see cref="PublishPasses"/>).</item>
/// <item>Keep the last change version, if everything arrived.</item>
/// </list></remarks>
public sealed class PublishRun : IDisposable
{
    /// <summary>Longest wait for one answer of the remediation script.</summary>
    private static readonly TimeSpan _remediationMax = TimeSpan.FromSeconds(30);

    private readonly PublishOptions _options;
    private readonly IConnectionStore? _store;
    private readonly EdFiClient _source;
    private readonly System.Diagnostics.Metrics.Meter _meter;
    private readonly ConcurrentQueue<string> _notices = new();

    /// <summary>Associations, each with the persons of both sides' lists that it authorizes and that the user has not excluded.</summary>
    private readonly Dictionary<ResourceName, IReadOnlyList<ResourceName>> _fetchable;

    private PublishRun(
        PublishOptions options, IConnectionStore? store, EdFiClient source, EdFiClient target, DependencyGraph order, DependencyGraph sourceOrder,
        DependencyGraph targetOrder, HashSet<ResourceName> chosen)
    {
        _options = options;
        _store = store;
        _source = source;
        Target = target;
        // It ends with the run object and not with the run: what is exported last is read after that.
        _meter = ExchangeTelemetry.MeterOf(source, target);
        NotAtSource = [.. order.Resources.Where(r => chosen.Contains(r) && sourceOrder.Find(r) is null)];
        NotAtTarget = [.. sourceOrder.Resources.Where(r => targetOrder.Find(r) is null)];
        Resources = [.. order.Resources.Where(r => chosen.Contains(r) && sourceOrder.Find(r) is not null && targetOrder.Find(r) is not null)];
        Order = order;
        var allowed = Selection.Choose(order, null, null, options.Exclude, options.ExcludeOnly, options.IncludeDescriptors);
        _fetchable = options.UpdatePrerequisites.SelectMany(p => p.Value.Select(v => (Association: order.Find(v), Person: order.Find(p.Key))))
            .Where(p => p is { Association: not null, Person: { } person } && allowed.Contains(person) && sourceOrder.Find(person) is not null && targetOrder.Find(person) is not null)
            .GroupBy(p => p.Association!.Value, p => p.Person!.Value).ToDictionary(g => g.Key, IReadOnlyList<ResourceName> (g) => [.. g]);
    }

    public EdFiClient Target { get; }

    public DeliveryProgress Progress { get; } = new();

    /// <summary>What is published, in order.</summary>
    public IReadOnlyList<ResourceName> Resources { get; }

    /// <summary>Chosen, but the source does not list it.</summary>
    public IReadOnlyList<ResourceName> NotAtSource { get; }

    /// <summary>The source lists it, and the target cannot take it.</summary>
    public IReadOnlyList<ResourceName> NotAtTarget { get; }

    public DependencyGraph Order { get; }

    /// <summary>What the user should know and what stopped nothing.</summary>
    public IReadOnlyCollection<string> Notices => _notices;

    /// <summary>The pass under way; null before the first and after the last.</summary>
    public PublishPass? Pass { get; private set; }

    /// <param name="store">Where the last change version is kept; null when connections have no names.</param>
    /// <exception cref="ApiException">One of the two cannot be reached, does not let us in, or has no snapshot.</exception>
    /// <exception cref="InvalidDataException">The selection names a resource that there is not.</exception>
    public static async Task<PublishRun> PrepareAsync(PublishOptions options, CancellationToken cancellationToken, IConnectionStore? store = null)
    {
        if (options.RejectedFile is { } rejected)
        {
            RejectedFile.Check(rejected, []);
        }

        var source = await EdFiClient.ConnectAsync(options.Source, ClientOptionsFor(options, options.ResourcesMax * options.PagesPerResourceMax), cancellationToken);
        EdFiClient? target = null;
        try
        {
            target = await EdFiClient.ConnectAsync(
                options.Target,
                ClientOptionsFor(options, Math.Min(options.ResourcesMax * options.PostsPerResourceMax, 1000)) with { DryRun = options.DryRun },
                cancellationToken);
            if (options is { WhatIf: false, DryRun: false } && IsSame(options.Source, options.Target))
            {
                throw new InvalidDataException("source and target are the same API with the same key: nothing would come anywhere");
            }

            var targetOrder = await DependencyGraph.ReadAsync(target, cancellationToken);
            var listed = await Selection.ListedAsync(source, options.UseSourceDependencyMetadata, cancellationToken);
            var sourceOrder = listed ?? targetOrder;
            var order = (options.UseSourceDependencyMetadata ? sourceOrder : targetOrder).WithRepeats(options.UpdatePrerequisites);
            var chosen = Selection.Choose(order, options.Include, options.IncludeOnly, options.Exclude, options.ExcludeOnly, options.IncludeDescriptors, sourceOrder);
            var run = new PublishRun(options, store, source, target, order, sourceOrder, targetOrder, chosen);
            run.NoteDifferences(isListed: listed is not null);
            return run;
        }
        catch
        {
            source.Dispose();
            target?.Dispose();
            throw;
        }
    }

    /// <summary>Another key or year at the same address may be another database.</summary>
    private static bool IsSame(ApiConnection a, ApiConnection b) =>
        Uri.Compare(a.Url, b.Url, UriComponents.HttpRequestUrl, UriFormat.Unescaped, StringComparison.OrdinalIgnoreCase) == 0
        && a.Key == b.Key && a.SchoolYear == b.SchoolYear && a.Scope == b.Scope && a.ProfileName == b.ProfileName;

    public async Task<PublishReport> RunAsync(CancellationToken cancellationToken)
    {
        var started = TimeProvider.System.GetTimestamp();
        using var trace = ExchangeTelemetry.Traces.StartActivity("publish");
        await using var book = await RunBook.OpenAsync(_options, _store, TimeProvider.System, cancellationToken);
        var source = _options.IgnoreIsolation ? _source : await Isolation.RequireAsync(_source, Resources, cancellationToken);
        var isolation = Isolation.Statement(_source, isFrozen: !_options.IgnoreIsolation);
        var (newest, asked) = await WindowAsync(source, cancellationToken);
        var report = new PublishReport
        {
            NotAtSource = NotAtSource,
            NotAtTarget = NotAtTarget,
            Isolation = isolation,
            NewestChangeVersion = newest,
            SetAsideFile = null,
        };
        var window = await book.BeginAsync(Target, Resources, asked, cancellationToken);
        Note([isolation, .. book.Notices]);
        if (window is { IsEmpty: true } && (book.State is null || book.Run is null || book.State.SetAsideCount(book.Run.Id) == 0))
        {
            await book.EndAsync(isComplete: true, isRefused: false, cancellationToken);
            Note([string.Create(CultureInfo.InvariantCulture, $"Already published: the source{(_options.IgnoreIsolation ? "" : "'s snapshot")} has no change after version {asked!.Lower - 1}.")]);
            return Finish(report with { Window = window }, started);
        }

        // A journal that fails to close has not written everything: that is a failure of the run.
        await using (var journal = new RunJournal(book.State, book.Run, TimeProvider.System))
        {
            report = report with { Window = window, Run = book.Run?.Id, IsResumed = book.IsResumed, SettledBefore = journal.SettledBefore };
            report = await RunPassesAsync(report, source, journal, window, cancellationToken);
        }

        var setAside = book is { State: { } state, Run: { } run } ? state.SetAsideCount(run.Id) : report.Refused;
        var isThrough = report.Passes.All(p => p is { StoppedBy: null, IsInterrupted: false, Unsettled: 0 });
        var unread = report.Passes.SelectMany(p => p.Resources).Select(r => r.FeedFailure).OfType<ApiFailure>().ToList();
        var isComplete = isThrough && unread.Count == 0;
        // When the source was away, the next run goes on where this one is, however often that happens; for another fault that may pass, only once.
        var wasAway = unread.Exists(f => f.Kind is FailureKind.Connection or FailureKind.Unavailable or FailureKind.Gone);
        var isUnread = isThrough && !wasAway && unread.Exists(f => book.IsResumed || !f.IsTransient);
        if (isUnread)
        {
            book.LeaveUnread();
        }

        var kept = await book.EndAsync(isComplete, setAside > 0, CancellationToken.None);
        report = report with
        {
            SetAside = setAside,
            KeptChangeVersion = kept,
            SetAsideFile = isComplete && setAside > 0 && book.State is not null ? book.State.SetAsideFile(book.Run!.Id) : null,
        };
        Conclude(report, book, isUnread, isComplete);
        return Finish(report, started);
    }

    /// <summary>Accepts what a run set aside.</summary>
    /// <exception cref="InvalidDataException">No such run waits.</exception>
    public static async Task<(long SetAside, long? Moved)> AcknowledgeAsync(PublishOptions options, IConnectionStore? store, CancellationToken cancellationToken)
    {
        await using var book = await RunBook.OpenAsync(options, store, TimeProvider.System, cancellationToken);
        return await book.AcknowledgeAsync(options.Acknowledge!.Value, cancellationToken);
    }

    private async Task<PublishReport> RunPassesAsync(
        PublishReport report, EdFiClient source, RunJournal journal, ChangeWindow? window, CancellationToken cancellationToken)
    {
        await using var rejected = _options.RejectedFile is { } path ? RejectedFile.Create(path, _options.ErrorBatchSize) : null;
        await using var script = _options.RemediationsScript is { } file
            ? await RemediationScript.StartAsync(file, _options.RemediationsUnrestricted, _remediationMax, cancellationToken) : null;
        var remediating = script is null ? null : new RemediatingWriter(Target, script, _options);
        var missing = _fetchable.Count == 0 ? null : new MissingPrerequisites(
            source, _fetchable, remediating is null ? async (resource, document, token) => await Target.UpsertAsync(resource, document.Body, token) : remediating.SendAsync);
        var passes = new PublishPasses(
            _options, source, Target, Order, Resources, journal, window, Progress, _notices.Enqueue)
        {
            Upsert = remediating is null ? null : remediating.SendAsync,
            Missing = missing,
            Settled = rejected is null ? null
                : settled => settled.Settlement == Settlement.Refused ? rejected.AddAsync(settled, null, 0) : ValueTask.CompletedTask,
        };
        if (passes.HasTracked)
        {
            Pass = PublishPass.KeyChanges;
            report = report with { KeyChanges = await passes.ChangeKeysAsync(cancellationToken) };
            if (report.IsStopped)
            {
                return report;
            }
        }

        Pass = PublishPass.Upserts;
        report = report with { Delivery = await passes.UpsertAsync(cancellationToken), Fetched = missing?.Report() ?? [] };
        Note(report.Fetched.Select(f => f.ToString()));
        if (missing is { IsFull: true })
        {
            Note(["More documents referred to what the target did not have than one run can look after: publish again."]);
        }

        // A delete before all upserts are through could take away what one of them still needs.
        if (passes.HasTracked && !report.IsStopped)
        {
            Pass = PublishPass.Deletes;
            report = report with { Deletes = await passes.DeleteAsync(cancellationToken) };
        }

        Pass = null;
        if (remediating is not null)
        {
            Note([.. remediating.Faults, string.Create(CultureInfo.InvariantCulture, $"{remediating.Remedied:N0} refused documents were accepted after remediation.")]);
        }

        return report;
    }

    /// <summary>The source's newest version, and the window that the user asks for.</summary>
    private async Task<(long? Newest, ChangeWindow? Window)> WindowAsync(EdFiClient source, CancellationToken cancellationToken)
    {
        var asksForWindow = _options.UseChangeVersionPaging || RunBook.IsNamed(_options);
        if (!asksForWindow)
        {
            try
            {
                return (await ChangeWindow.NewestAsync(source, cancellationToken), null);
            }
            catch (ApiException)
            {
                // Only for the report: a copy needs no change versions.
                return (null, null);
            }
        }

        var newest = await ChangeWindow.NewestAsync(source, cancellationToken);
        if (newest is not { } upper)
        {
            Note(["The source has no change queries: everything is published, and deletes and changed keys are not."]);
            return (null, null);
        }

        if (SharesVersion && _options is { IsLastChangeVersionGiven: false, LastChangeVersionProcessed: { } stored })
        {
            Note([$"ATTENTION: this run has a selection and begins after version {stored}, which belongs to the pair: what another run did not select, and is older, is not published. {OwnVersion}"]);
        }

        var last = _options.LastChangeVersionProcessed ?? 0;
        return last <= upper ? (newest, new ChangeWindow(last + 1, upper)) : throw new InvalidDataException(string.Create(
            CultureInfo.InvariantCulture,
            $"The last change version processed is {last}, and the source's newest is {upper}: it is not the database that it was. Publish everything with --lastChangeVersionProcessed=0."));
    }

    /// <summary>One version for all selections of a pair is the API Publisher's way, and loses documents unless somebody knows of it.</summary>
    private bool SharesVersion => RunBook.IsNamed(_options) && _options.VersionNamespace is null
        && (_options.Include ?? _options.IncludeOnly ?? _options.Exclude ?? _options.ExcludeOnly) is { Length: > 0 };

    private const string OwnVersion = "Give --lastChangeVersionProcessedNamespace=NAME, and this selection has a version of its own.";

    private void Conclude(PublishReport report, RunBook book, bool isUnread, bool isComplete)
    {
        if (!isComplete)
        {
            if (report.Run is not null)
            {
                Note([isUnread
                    ? "Something could not be read, so the last change version stays: the next run reads that again, and if the source has changed until then everything since that version."
                    : "The run is not at its end; the next one goes on where it is."]);
            }

            return;
        }

        if (report is { SetAside: > 0, Run: { } run })
        {
            Note([string.Create(
                CultureInfo.InvariantCulture,
                $"{report.SetAside:N0} documents are set aside in {report.SetAsideFile}. The next run sends them again; --acknowledge={run} goes on without them.{(report.Window is null ? "" : " Until then the last change version stays.")}")]);
        }
        else if (book.IsReadOnly && report.Window is { } done)
        {
            Note([string.Create(
                CultureInfo.InvariantCulture,
                $"Last change version processed for {_options.TargetName}: {done.Upper}, not kept, because {_store!.Shown} cannot be written: write it there, or give --lastChangeVersionProcessed={done.Upper} the next time.")]);
        }
        else if (report is { Window: not null, KeptChangeVersion: { } kept })
        {
            Note([string.Create(CultureInfo.InvariantCulture, $"Last change version processed for {_options.TargetName}: {kept}, kept in {_store!.Shown}.")]);
            if (SharesVersion)
            {
                Note([$"ATTENTION: this run had a selection, and a run without it will begin after version {kept} too, so that what was not selected now is not published then. {OwnVersion}"]);
            }
        }
        else if (!RunBook.IsNamed(_options) && report.SetAside == 0 && !_options.DryRun && (report.Window?.Upper ?? report.NewestChangeVersion) is { } next)
        {
            Note([string.Create(CultureInfo.InvariantCulture, $"The connections have no names, so nobody keeps the last change version: give --useChangeVersionPaging=true --lastChangeVersionProcessed={next} the next time.")]);
        }
    }

    private void Note(IEnumerable<string> lines)
    {
        foreach (var line in lines)
        {
            _notices.Enqueue(line);
        }
    }

    private PublishReport Finish(PublishReport report, long started) => report with
    {
        Notices = [.. _notices],
        Elapsed = TimeProvider.System.GetElapsedTime(started),
        Requests = Target.Requests,
        Retries = Target.Retries,
        SourceRequests = _source.Requests,
    };

    private static ClientOptions ClientOptionsFor(PublishOptions options, int connections) => new()
    {
        ConnectionsMax = connections,
        KeepsRefusals = options.RemediationsScript is not null || options.UpdatePrerequisites.Count > 0,
        Retry = options.Retry,
        TokenRefresh = options.BearerTokenRefresh,
        IgnoreSslErrors = options.IgnoreSslErrors,
        RateLimit = options.RateLimit,
    };

    private void NoteDifferences(bool isListed)
    {
        Note(_options.Warnings);
        if (!isListed)
        {
            Note([Selection.NotListed]);
        }

        if (_source.Api.EdFiVersion != Target.Api.EdFiVersion)
        {
            Note([$"The source has Ed-Fi {_source.Api.EdFiVersion ?? "of no stated version"}, the target {Target.Api.EdFiVersion ?? "of no stated version"}: some documents may not fit."]);
        }

        if (NotAtSource.Count > 0)
        {
            Note([$"The source does not list {NotAtSource.Count} resources of the selection, which are not published: {FirstOf(NotAtSource)}."]);
        }

        if (NotAtTarget.Count > 0)
        {
            Note([$"The target has no resource for {NotAtTarget.Count} that the source lists, which are not published: {FirstOf(NotAtTarget)}."]);
        }

        var missing = _options.UpdatePrerequisites.Where(p => Order.Find(p.Key) is not null)
            .SelectMany(p => p.Value).Where(r => Order.Find(r) is null).Select(r => r.Path).Distinct().ToList();
        if (missing.Count > 0)
        {
            Note([$"authorizationFailureHandling names resources that the target does not have, which are not waited for: {string.Join(", ", missing)}."]);
        }
    }

    private static string FirstOf(IReadOnlyList<ResourceName> resources) => $"{string.Join(", ", resources.Take(5))}{(resources.Count > 5 ? ", …" : "")}";

    public void Dispose()
    {
        _meter.Dispose();
        _source.Dispose();
        Target.Dispose();
    }
}
