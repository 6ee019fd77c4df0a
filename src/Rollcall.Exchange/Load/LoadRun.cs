using System.Runtime.CompilerServices;
using Rollcall.Exchange.Client;
using Rollcall.Exchange.Delivery;
using Rollcall.Standard.Model;

namespace Rollcall.Exchange.Load;

/// <summary>Sends a folder of documents to an Ed-Fi API in the order that the API gives.</summary>
public sealed class LoadRun : IDisposable
{
    private readonly LoadOptions _options;
    private readonly EdFiClient _target;
    private readonly LoadPlan _plan;
    private readonly DeliveryRun _delivery;

    private LoadRun(LoadOptions options, EdFiClient target, LoadPlan plan, DeliveryRun delivery)
    {
        _options = options;
        _target = target;
        _plan = plan;
        _delivery = delivery;
    }

    public DeliveryProgress Progress => _delivery.Progress;

    public EdFiClient Target => _target;

    /// <summary>Connects, and finds every file's resource; nothing is sent yet.</summary>
    /// <exception cref="ApiException">The target cannot be reached or does not let us in.</exception>
    /// <exception cref="InvalidDataException">The folder is not fit to be loaded.</exception>
    public static async Task<LoadRun> PrepareAsync(LoadOptions options, CancellationToken cancellationToken)
    {
        if (!File.Exists(options.Path) && !Directory.Exists(options.Path))
        {
            throw new InvalidDataException($"There is no file or folder {options.Path}.");
        }

        var target = await EdFiClient.ConnectAsync(
            options.Target,
            new ClientOptions { ConnectionsMax = options.Connections, DryRun = options.DryRun, IgnoreSslErrors = options.IgnoreSslErrors },
            cancellationToken);
        try
        {
            // What authorizes people goes before what needs them authorized, also where the API's own list does not say so: a 403 is the last word on it.
            var order = (await DependencyGraph.ReadAsync(target, cancellationToken)).WithRepeats(DeliveryOptions.DefaultUpdatePrerequisites);
            var plan = await LoadPlan.MakeAsync(options.Path, order, options.StandardDescriptors, cancellationToken);
            if (options.RejectedFile is { } rejected)
            {
                RejectedFile.Check(rejected, Enumerable.Range(0, plan.Files.Count).Select(plan.PathOf));
            }

            if (options.StandardDescriptors == StandardDescriptors.Missing)
            {
                await LeaveOutKnownDescriptorsAsync(target, plan, cancellationToken);
            }

            return new LoadRun(options, target, plan, new DeliveryRun(target, order, new DeliveryOptions { DocumentsPerResourceMax = options.Connections }));
        }
        catch
        {
            target.Dispose();
            throw;
        }
    }

    public async Task<LoadReport> RunAsync(CancellationToken cancellationToken)
    {
        var started = TimeProvider.System.GetTimestamp();
        await using var rejected = _options.RejectedFile is { } path ? RejectedFile.Create(path) : null;
        var feeds = _plan.Parts.Where(p => p.Value.Count > 0).Select(p => new ResourceFeed(
            p.Key, token => ReadAsync(p.Key, p.Value, token), p.Value.All(x => x.Count is not null) ? p.Value.Sum(x => x.Count) : null)).ToList();
        var delivered = await _delivery.RunAsync(
            feeds,
            rejected is null ? null : settled => settled.Settlement == Settlement.Refused
                ? rejected.AddAsync(settled, _plan.Files[FileOf(settled.Document.Tag)], LineOf(settled.Document.Tag))
                : ValueTask.CompletedTask,
            cancellationToken);
        return new LoadReport(delivered, _plan, TimeProvider.System.GetElapsedTime(started), _target.Requests, _target.Retries);
    }

    private async IAsyncEnumerable<OutgoingDocument> ReadAsync(
        ResourceName resource, List<LoadPart> parts, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        foreach (var part in parts)
        {
            await foreach (var document in DocumentFile.ReadAsync(_plan.PathOf(part.File), cancellationToken))
            {
                ReadOnlyMemory<byte> body = document.Bytes;
                if (part.IsWrapped && (!DocumentFile.TryReadWrapped(document.Bytes, out var name, out body)
                    || ResourceName.TryParse(name) is not { } parsed || !Same(parsed, resource)))
                {
                    continue;
                }

                yield return new OutgoingDocument(
                    WriteKind.Upsert, body, Tag(part.File, document.Line),
                    LocalFault: body.Span is [(byte)'{', .., (byte)'}'] ? null : "the line is not a JSON object");
            }
        }
    }

    /// <summary>A descriptor resource in which the API has anything keeps what it has: an operator's own wording is not overwritten.</summary>
    private static async Task LeaveOutKnownDescriptorsAsync(EdFiClient target, LoadPlan plan, CancellationToken cancellationToken)
    {
        var standard = plan.Parts.Where(p => p.Value.Any(x => x.IsStandard) && p.Key.Endpoint.EndsWith("Descriptors", StringComparison.OrdinalIgnoreCase));
        await Parallel.ForEachAsync(standard, new ParallelOptions { MaxDegreeOfParallelism = 8, CancellationToken = cancellationToken }, async (part, token) =>
        {
            var answer = await target.QueryAsync(part.Key, "?offset=0&limit=1", token);
            using (answer.Body)
            {
                // An empty page is "[]", perhaps spaced.
                if (answer.Failure is null && answer.Body.Bytes.Span.Contains((byte)'{'))
                {
                    part.Value.RemoveAll(x => x.IsStandard);
                }
            }
        });
    }

    private static bool Same(ResourceName a, ResourceName b) =>
        string.Equals(a.Namespace, b.Namespace, StringComparison.OrdinalIgnoreCase) && string.Equals(a.Endpoint, b.Endpoint, StringComparison.OrdinalIgnoreCase);

    private static long Tag(int file, long line) => ((long)file << 40) | line;

    internal static int FileOf(long tag) => (int)(tag >> 40);

    internal static long LineOf(long tag) => tag & ((1L << 40) - 1);

    public void Dispose() => _target.Dispose();
}
