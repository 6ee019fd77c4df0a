using Rollcall.Demo;

namespace Rollcall.Tests.Demo;

/// <summary>What a correct sync would send between two states of a source: found by comparing all documents, before and after.</summary>
public static class DocumentDiff
{
    /// <summary>Pairs by natural key first, then by source row; ordered by resource, without those that are equal.</summary>
    public static List<ResourceChanges> Between(
        IEnumerable<SampleMapping.MappedDocument> before, IEnumerable<SampleMapping.MappedDocument> after, IReadOnlySet<string> neverDeleted)
    {
        var old = before.ToLookup(d => d.Resource);
        var now = after.ToLookup(d => d.Resource);
        var changes = new List<ResourceChanges>();
        foreach (var resource in old.Select(g => g.Key).Union(now.Select(g => g.Key)).OrderBy(r => r.Name.Endpoint, StringComparer.Ordinal))
        {
            var was = old[resource].ToDictionary(d => d.Key, StringComparer.Ordinal);
            var updated = 0;
            var added = new List<SampleMapping.MappedDocument>();
            foreach (var document in now[resource])
            {
                if (!was.Remove(document.Key, out var previous))
                {
                    added.Add(document);
                }
                else if (previous.Body.ToJsonString() != document.Body.ToJsonString())
                {
                    updated++;
                }
            }

            var moved = resource.AllowsKeyChange ? added.Count(d => was.Values.Any(w => w.SourceKey == d.SourceKey)) : 0;
            var deleted = neverDeleted.Contains(resource.Name.Endpoint) ? 0 : was.Count - moved;
            if (updated + added.Count + deleted > 0)
            {
                changes.Add(new ResourceChanges(resource.Name.Endpoint, added.Count - moved, updated, moved, deleted));
            }
        }

        return changes;
    }
}
