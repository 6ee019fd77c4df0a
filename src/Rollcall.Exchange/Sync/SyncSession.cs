using Rollcall.Exchange.Ledger;
using Rollcall.Exchange.Sync.Mapping;
using Rollcall.Exchange.Sync.Sources;
using Rollcall.Standard.Documents;
using Rollcall.Standard.Model;

namespace Rollcall.Exchange.Sync;

/// <summary>What several runs of one process share: the compiled mapping, the connection to the target and the ledger.</summary>
internal sealed class SyncSession : IDisposable
{
    private readonly Dictionary<ResourceModel, DocumentReader> _readers = [];

    private SyncSession(MappingFolder folder, DataStandard standard, IReadOnlyList<DocumentTemplate> templates, SyncTarget target, SyncLedger ledger) =>
        (Folder, Standard, Templates, Target, Ledger) = (folder, standard, templates, target, ledger);

    public MappingFolder Folder { get; }

    public DataStandard Standard { get; }

    /// <summary>In dependency order.</summary>
    public IReadOnlyList<DocumentTemplate> Templates { get; }

    public SyncTarget Target { get; }

    public SyncLedger Ledger { get; }

    public static async Task<SyncSession> OpenAsync(
        MappingFolder folder, DataStandard standard, ISisReader sis, SyncOptions options, CancellationToken cancellationToken)
    {
        var profile = folder.Profile;
        var templates = await folder.CompileAsync(sis, cancellationToken);
        var target = await SyncTarget.ConnectAsync(profile.Target, standard, templates, options.Client, cancellationToken);
        try
        {
            var ledger = SyncLedger.Open(profile.LedgerPath, profile.Name, profile.Target.Url, profile.Target.SchoolYear, options.Time, mayMake: !options.NeedsLedger);
            ledger.Probe = options.Probe;
            ledger.SkipsIntents = options.SkipsIntents;
            ledger.KeepsPayloads = profile.Audit.KeepsAllPayloads;
            return new SyncSession(folder, standard, [.. templates.OrderBy(t => target.Stages[t.Resource].Create)], target, ledger);
        }
        catch
        {
            target.Dispose();
            throw;
        }
    }

    public DocumentReader ReaderOf(ResourceModel resource) =>
        _readers.TryGetValue(resource, out var reader) ? reader : _readers[resource] = DocumentReader.For(resource, Standard);

    public MappedResource Mapped(ResourceModel resource) => Folder.Resources.Single(r => r.Model == resource);

    public void Dispose()
    {
        Ledger.Dispose();
        Target.Dispose();
    }
}
