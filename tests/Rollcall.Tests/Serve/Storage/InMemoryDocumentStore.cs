using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Rollcall.Serve.Authorization;
using Rollcall.Serve.Queries;
using Rollcall.Serve.Storage;
using Rollcall.Standard.Documents;
using Rollcall.Standard.Model;

namespace Rollcall.Tests.Serve.Storage;

/// <summary>The oracle: the rules of <see cref="IDocumentStore"/> said once more, over a list, without any of the stores' code.</summary>
public sealed partial class InMemoryDocumentStore(TimeProvider time) : IDocumentStore
{
    private readonly Lock _lock = new();
    private readonly List<Row> _rows = [];
    private readonly List<Grave> _graves = [];
    private DescriptorSet _descriptors = new(0);
    private long _lastRow;
    private long _lastVersion;

    public DescriptorSet Descriptors => _descriptors;

    /// <summary>The id of the next document, where a test wants it to be another store's.</summary>
    public Guid? NextId { get; set; }

    public ValueTask<WriteOutcome> UpsertAsync(Document document, Precondition precondition, WriteAccess access, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        lock (_lock)
        {
            var existing = _rows.Find(r => r.Document.Resource == document.Resource && r.Document.KeyHash == document.KeyHash);
            if (existing is null && (precondition.IfMatchAny || precondition.IfMatch is not null))
            {
                return new(new WriteOutcome.NothingToMatch());
            }

            return new(Write(document, existing, precondition, isPut: false));
        }
    }

    public ValueTask<WriteOutcome> ReplaceAsync(Guid id, Document document, Precondition precondition, Access access, CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            var existing = Find(document.Resource, id);
            return new(existing is null ? Absent(precondition) : Write(document, existing, precondition, isPut: true));
        }
    }

    public ValueTask<WriteOutcome> DeleteAsync(ResourceModel resource, Guid id, Precondition precondition, Access access, CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            var row = Find(resource, id);
            if (row is null)
            {
                return new(Absent(precondition));
            }

            if (Refused(row, precondition) is { } refused)
            {
                return new(refused);
            }

            var users = _rows.Where(r => r != row && Uses(r.Document, row)).Select(r => r.Document.Resource.TypeName)
                .Distinct().Order(StringComparer.Ordinal).ToList();
            if (users.Count > 0)
            {
                return new(new WriteOutcome.Referenced(users));
            }

            _rows.Remove(row);
            _graves.Add(new Grave(row, ++_lastVersion));
            if (resource.IsDescriptor)
            {
                RebuildDescriptors();
            }

            return new(new WriteOutcome.Deleted());
        }
    }

    public ValueTask<ReadOutcome> GetAsync(ResourceModel resource, Guid id, IDocumentSink sink, Access access, CancellationToken cancellationToken)
    {
        Row? row;
        lock (_lock)
        {
            row = Find(resource, id);
        }

        if (row is not null)
        {
            sink.Begin(null);
            Hand(row, sink);
        }

        return new(new ReadOutcome(row is not null, null));
    }

    public ValueTask QueryAsync(QueryPlan plan, IDocumentSink sink, CancellationToken cancellationToken)
    {
        var matches = Matches(plan);
        sink.Begin(plan.WantsTotalCount ? matches.Count : null);
        foreach (var row in matches.Skip((int)plan.Offset).Take(plan.Limit))
        {
            Hand(row, sink);
        }

        return default;
    }

    public ValueTask<IReadOnlyList<RowRange>> PartitionAsync(PartitionPlan plan, CancellationToken cancellationToken)
    {
        // A range of so few rows as tests have is the whole.
        IReadOnlyList<RowRange> ranges = Matches(plan.Rows).Count == 0 ? [] : [new RowRange(0, long.MaxValue)];
        return new(ranges);
    }

    private List<Row> Matches(QueryPlan plan)
    {
        lock (_lock)
        {
            return [.. _rows.Where(r => !plan.MatchesNothing && r.Document.Resource == plan.Resource
                && (plan.Id ?? r.Id) == r.Id
                && (plan.Rows is not { } rows || (r.RowId >= rows.First && r.RowId <= rows.Last))
                && r.Version >= (plan.MinChangeVersion ?? 0) && r.Version <= (plan.MaxChangeVersion ?? long.MaxValue)
                && plan.Filters.All(f => AreEqual(f.Value, r.Document.QueryValues[f.Field]))).OrderBy(r => r.RowId)];
        }
    }

    public ValueTask<TrackedDeletes> QueryDeletesAsync(ChangeQueryPlan plan, CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            var graves = _graves.Where(g => g.Row.Document.Resource == plan.Resource
                && g.Version >= (plan.MinChangeVersion ?? 0) && g.Version <= (plan.MaxChangeVersion ?? long.MaxValue)
                && !_rows.Exists(r => r.Document.Resource == plan.Resource && r.Document.KeyHash == g.Row.Document.KeyHash)).ToList();
            return new(new TrackedDeletes(
                plan.WantsTotalCount ? graves.Count : null,
                [.. graves.OrderBy(g => g.Version).Skip((int)plan.Offset).Take(plan.Limit)
                    .Select(g => new TrackedDelete(g.Row.Id, g.Version, KeyOf(g.Row.Document)))]));
        }
    }

    public ValueTask<long> NewestChangeVersionAsync(CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            return new(_lastVersion);
        }
    }

    public ValueTask<bool> IsHealthyAsync(CancellationToken cancellationToken) => new(true);

    public ValueTask DisposeAsync() => default;

    private WriteOutcome Write(Document document, Row? existing, Precondition precondition, bool isPut)
    {
        // The order of ed-fi-api-resources.md 3.1, step 14.
        if (existing is not null && Refused(existing, precondition) is { } refused)
        {
            return refused;
        }

        if (document.Descriptors is not { } readWith)
        {
            throw new ArgumentException("read without descriptors");
        }

        if (readWith.DeleteEpoch != _descriptors.DeleteEpoch
            || document.UnknownDescriptors.Any(u => _rows.Exists(r => r.Document.Resource.TypeName == u.DescriptorType && IsSpelled(r.Document, u.Value))))
        {
            return new WriteOutcome.StaleDescriptors();
        }

        var missing = document.References.Where(r => Target(r) is null).ToList();
        if (document.UnknownDescriptors.Length > 0)
        {
            return new WriteOutcome.Unresolved(missing, document.UnknownDescriptors);
        }

        var isKeyChanged = isPut && existing!.Document.KeyHash != document.KeyHash;
        if (isPut && ((isKeyChanged && !document.Resource.AllowsKeyChange)
            || (document.Resource.IsDescriptor && !existing!.Document.KeyTexts.SequenceEqual(document.KeyTexts))))
        {
            return new WriteOutcome.KeyChangeNotSupported();
        }

        if (missing.Count > 0)
        {
            return new WriteOutcome.Unresolved(missing, []);
        }

        if (existing is not null && existing.Document.Body.Span.SequenceEqual(document.Body.Span))
        {
            return new WriteOutcome.Unchanged(existing.Id, existing.Version);
        }

        if (existing is null && document.Resource.SubclassOf is { } parent
            && _rows.Exists(r => r.Document.Resource.SubclassOf == parent && r.Document.KeyHash == document.KeyHash))
        {
            return new WriteOutcome.KeyConflict();
        }

        return isKeyChanged ? ChangeKey(document, existing!) : Store(document, existing);
    }

    private WriteOutcome Store(Document document, Row? existing)
    {
        var version = ++_lastVersion;
        var body = WithLinks(document);
        if (existing is null)
        {
            _lastVersion++;
            var created = new Row(++_lastRow, NextId ?? Guid.NewGuid()) { Document = document, Body = body, Version = version, Modified = Now() };
            NextId = null;
            _rows.Add(created);
            if (document.Resource.IsDescriptor)
            {
                _descriptors.Add(Entry(created), version);
            }

            return new WriteOutcome.Created(created.Id, version);
        }

        var isRespelled = document.Resource.IsDescriptor && !existing.Document.KeyTexts.SequenceEqual(document.KeyTexts);
        (existing.Document, existing.Body, existing.Version, existing.Modified) = (document, body, version, Now());
        if (isRespelled)
        {
            RebuildDescriptors();
        }

        return new WriteOutcome.Updated(existing.Id, version);
    }

    private Row? Find(ResourceModel resource, Guid id) => _rows.Find(r => r.Id == id && r.Document.Resource == resource);

    private Row? Target(ReferenceValue reference) =>
        _rows.Find(r => reference.Model.Targets.Contains(r.Document.Resource) && r.Document.KeyHash == reference.Key);

    private static bool Uses(Document user, Row used) => used.Document.Resource.IsDescriptor
        ? user.DescriptorRows.Contains(used.RowId)
        : user.References.Any(r => r.Model.Targets.Contains(used.Document.Resource) && r.Key == used.Document.KeyHash);

    private static WriteOutcome Absent(Precondition precondition) =>
        precondition.IfMatchAny ? new WriteOutcome.NothingToMatch() : new WriteOutcome.NotFound();

    private static WriteOutcome? Refused(Row row, Precondition precondition)
    {
        if (precondition.IfMatch is { } only)
        {
            return only == row.Version ? null : new WriteOutcome.EtagMismatch();
        }

        return !precondition.IfMatchAny && (precondition.IfNoneMatchAny || (precondition.IfNoneMatch ?? []).Any(v => v == row.Version))
            ? new WriteOutcome.EtagMatched()
            : null;
    }

    private static bool AreEqual(ScalarValue wanted, ScalarValue stored) => stored.IsPresent && wanted.Type switch
    {
        PropertyType.String => string.Equals(wanted.Text, stored.Text, StringComparison.OrdinalIgnoreCase),
        PropertyType.Decimal => wanted.Decimal == stored.Decimal,
        _ => wanted.Number == stored.Number,
    };

    private static bool IsSpelled(Document descriptor, string uri)
    {
        var members = JsonNode.Parse(descriptor.Body.Span)!;
        return string.Equals($"{members["namespace"]}#{members["codeValue"]}", uri, StringComparison.OrdinalIgnoreCase);
    }

    private static DescriptorEntry Entry(Row row)
    {
        var members = JsonNode.Parse(row.Document.Body.Span)!;
        return new DescriptorEntry(row.Document.Resource, row.RowId, row.Id, members["namespace"]!.ToString(), members["codeValue"]!.ToString());
    }

    private void RebuildDescriptors()
    {
        var set = new DescriptorSet(_descriptors.DeleteEpoch + 1);
        foreach (var row in _rows.Where(r => r.Document.Resource.IsDescriptor))
        {
            set.Add(Entry(row), row.Version);
        }

        _descriptors = set;
    }

    /// <summary>Links from the last reference to the first, so that earlier offsets stay right.</summary>
    private string WithLinks(Document document)
    {
        var body = new List<byte>(document.Body.ToArray());
        foreach (var reference in document.References.OrderByDescending(r => r.BodyEnd))
        {
            var target = Target(reference)!;
            var resource = target.Document.Resource;
            body.InsertRange(reference.BodyEnd, Encoding.UTF8.GetBytes(
                $$""","link":{"rel":"{{resource.TypeName}}","href":"/{{resource.Name.Namespace}}/{{resource.Name.Endpoint}}/{{target.Id:D}}"}"""));
        }

        return Encoding.UTF8.GetString([.. body]);
    }

    private static byte[] KeyOf(Document document)
    {
        var body = JsonNode.Parse(document.Body.Span)!;
        var key = new JsonObject();
        foreach (var member in document.Resource.Key)
        {
            key[member.Name] = member.Paths
                .Select(p => p.Text[2..].Split('.').Aggregate((JsonNode?)body, (node, name) => node?[name]))
                .First(v => v is not null)!.DeepClone();
        }

        return Encoding.UTF8.GetBytes(key.ToJsonString(new JsonSerializerOptions { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping }));
    }

    private static void Hand(Row row, IDocumentSink sink) =>
        sink.Add(new StoredDocument(Encoding.UTF8.GetBytes(row.Body), row.Id, row.RowId, row.Version, row.Modified));

    private DateTime Now() => time.GetUtcNow().UtcDateTime;

    private sealed class Row(long rowId, Guid id)
    {
        public long RowId { get; } = rowId;

        public Guid Id { get; } = id;

        public required Document Document { get; set; }

        public required string Body { get; set; }

        public required long Version { get; set; }

        public required DateTime Modified { get; set; }
    }

    private sealed record Grave(Row Row, long Version);
}
