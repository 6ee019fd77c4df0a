using System.Text;
using System.Text.Json.Nodes;
using Rollcall.Serve.Queries;
using Rollcall.Serve.Storage;
using Rollcall.Standard.Documents;
using Rollcall.Standard.Loading;
using Rollcall.Standard.Model;
using Rollcall.Standard.Ordering;

namespace Rollcall.Tests.Serve.Storage;

/// <summary>Key changes as the oracle sees them: a reference means a row, and has to say what that row's key is now.</summary>
public sealed partial class InMemoryDocumentStore
{
    private static readonly Dictionary<ResourceName, int> Levels = DependencyOrder.Compute(CompactModelReader.EdFi52).Rows
        .GroupBy(r => r.Resource).ToDictionary(g => g.Key, g => g.Max(r => r.Order));

    private readonly List<(Row Row, long Version, byte[] Old, byte[] New)> _keyChanges = [];

    public ValueTask<TrackedKeyChanges> QueryKeyChangesAsync(ChangeQueryPlan plan, CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            var items = new List<TrackedKeyChange>();
            foreach (var changes in _keyChanges.Where(c => c.Row.Document.Resource == plan.Resource
                && c.Version >= (plan.MinChangeVersion ?? 0) && c.Version <= (plan.MaxChangeVersion ?? long.MaxValue)).GroupBy(c => c.Row))
            {
                var ordered = changes.OrderBy(c => c.Version).ToList();
                items.Add(new TrackedKeyChange(changes.Key.Id, ordered[^1].Version, ordered[0].Old, ordered[^1].New));
            }

            return new(new TrackedKeyChanges(
                plan.WantsTotalCount ? items.Count : null, [.. items.OrderBy(i => i.ChangeVersion).Skip((int)plan.Offset).Take(plan.Limit)]));
        }
    }

    /// <summary>Versions up to this one are taken.</summary>
    public void SkipTo(long version) => _lastVersion = Math.Max(_lastVersion, version);

    private WriteOutcome ChangeKey(Document document, Row changed)
    {
        var undo = _rows.Select(r => (Row: r, r.Document, r.Body, r.Version, r.Modified)).ToList();
        var (version, recorded) = (_lastVersion, _keyChanges.Count);

        // Which rows every reference means, while the keys still say so.
        var meant = _rows.ToDictionary(r => r, r => r.Document.References.Select(Target).ToArray());
        meant[changed] = [.. document.References.Select(Target)];
        WriteOutcome? failure = Rekey(changed, document);
        foreach (var row in _rows.Where(r => r != changed).OrderBy(r => Levels.GetValueOrDefault(r.Document.Resource.Name)).ThenBy(r => r.Document.Resource.Index).ThenBy(r => r.RowId))
        {
            failure ??= Correct(row, meant[row]!);
        }

        if (failure is null)
        {
            return new WriteOutcome.Updated(changed.Id, changed.Version);
        }

        foreach (var (row, before, body, was, modified) in undo)
        {
            (row.Document, row.Body, row.Version, row.Modified) = (before, body, was, modified);
        }

        _lastVersion = version;
        _keyChanges.RemoveRange(recorded, _keyChanges.Count - recorded);
        return failure;
    }

    /// <summary>Rewrites the references of which the meant row has another key by now.</summary>
    private WriteOutcome? Correct(Row row, Row?[] meant)
    {
        var references = row.Document.References;
        var wrong = Enumerable.Range(0, references.Length).Where(i => references[i].Key != meant[i]!.Document.KeyHash).ToList();
        if (wrong.Count == 0)
        {
            return null;
        }

        var body = JsonNode.Parse(row.Document.Body.Span)!;
        foreach (var i in wrong)
        {
            var values = JsonNode.Parse(KeyOf(meant[i]!.Document))!.AsObject().Select(v => v.Value!).ToList();
            foreach (var (field, value) in references[i].Model.KeyFields.Zip(values))
            {
                Set(row.Document.Resource, body, $"{references[i].Path}.{field.Name}", value, []);
            }
        }

        var read = DocumentReader.For(row.Document.Resource, CompactModelReader.EdFi52).Read(Encoding.UTF8.GetBytes(body.ToJsonString()), ReadPurpose.Stored, _descriptors);
        var corrected = read.Document ?? throw new InvalidOperationException($"{read.Faults[0]}");
        return corrected.References.Any(r => Target(r) is null)
            ? new WriteOutcome.Referenced([row.Document.Resource.TypeName])
            : Rekey(row, corrected);
    }

    private WriteOutcome.KeyConflict? Rekey(Row row, Document document)
    {
        var old = row.Document;
        if (old.KeyHash != document.KeyHash)
        {
            if (_rows.Exists(r => r != row && r.Document.KeyHash == document.KeyHash
                && (r.Document.Resource == old.Resource || (old.Resource.SubclassOf is { } parent && r.Document.Resource.SubclassOf == parent))))
            {
                return new WriteOutcome.KeyConflict();
            }

            _keyChanges.Add((row, _lastVersion + 1, KeyOf(old), KeyOf(document)));
        }

        Store(document, row);
        return null;
    }

    /// <summary>Sets a member, and those of the same object or item that the model makes one with it.</summary>
    private static void Set(ResourceModel resource, JsonNode body, string path, JsonNode value, HashSet<string> done)
    {
        var steps = path[2..].Split('.', '[', ']').Where(s => s.Length > 0).ToList();
        var owner = steps.Take(steps.Count - 1).Aggregate((JsonNode?)body, (node, step) => int.TryParse(step, out var index) ? node?[index] : node?[step]);
        if (owner?[steps[^1]] is null || !done.Add(path) || owner[steps[^1]]!.ToJsonString() == value.ToJsonString())
        {
            return;
        }

        owner[steps[^1]] = value.DeepClone();
        var item = path[..(path.LastIndexOf(']') + 1)];
        var model = System.Text.RegularExpressions.Regex.Replace(path, @"\[\d+\]", "[*]");
        foreach (var set in resource.Equalities.Where(e => e.Paths.Any(p => p.Text == model)))
        {
            foreach (var other in set.Paths.Select(p => p.Text).Where(p => p[..(p.LastIndexOf(']') + 1)] == model[..(model.LastIndexOf(']') + 1)]))
            {
                Set(resource, body, item.Length == 0 ? other : item + other[(other.LastIndexOf(']') + 1)..], value, done);
            }
        }
    }
}
