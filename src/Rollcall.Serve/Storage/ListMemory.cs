using System.Collections.Concurrent;

namespace Rollcall.Serve.Storage;

/// <summary>What is remembered of one caller for its lists, in either store. All of it may be forgotten at any time.</summary>
internal sealed class ListMemory
{
    private readonly ConcurrentDictionary<(string Table, string Column, bool IsBelow, bool IsAbove), (ListedOrganizations Of, OrganizationsReached Reached, long[] Mine)> _mine = [];
    private volatile OrganizationsReached? _reached;

    /// <summary>Holds for its version of the hierarchy only.</summary>
    public OrganizationsReached? Reached
    {
        get => _reached;
        set => _reached = value;
    }

    /// <summary>Resources of which a walk found less than a fourth to be the caller's.</summary>
    public ConcurrentDictionary<int, bool> SeesLittle { get; } = [];

    /// <summary>Of the organizations that have rows those that the caller reaches.</summary>
    public long[] Among(ListedOrganizations listed, ListRuns runs, OrganizationsReached reached, ListSource source)
    {
        var key = (runs.Table, runs.Organization, source.IsBelow, source.IsAbove);
        if (!_mine.TryGetValue(key, out var known) || !ReferenceEquals(known.Of, listed) || !ReferenceEquals(known.Reached, reached))
        {
            _mine[key] = known = (listed, reached, reached.Among(listed.Organizations, source));
        }

        return known.Mine;
    }
}
