namespace Rollcall.Serve.Storage;

/// <summary>Many organizations as few ranges of ids: between the ends of a range there is no organization but these. Every organization that
/// a document names is in the hierarchy, so this holds for one version of it.</summary>
/// <param name="From">The lowest id of each range, ascending.</param>
/// <param name="To">The highest.</param>
internal sealed record OrganizationRanges(long[] From, long[] To)
{
    /// <param name="mine">Sorted, distinct.</param>
    /// <param name="all">All organizations of the hierarchy, sorted, distinct; some of <paramref name="mine"/> may not be among them.</param>
    public static OrganizationRanges Of(long[] mine, long[] all)
    {
        var (from, to, next) = (new List<long>(), new List<long>(), 0);
        foreach (var organization in mine)
        {
            // Whoever lies between the one before and this one is not the caller's.
            var isGap = from.Count == 0;
            while (next < all.Length && all[next] <= organization)
            {
                isGap |= all[next] < organization;
                next++;
            }

            if (isGap)
            {
                from.Add(organization);
                to.Add(organization);
            }
            else
            {
                to[^1] = organization;
            }
        }

        return new OrganizationRanges([.. from], [.. to]);
    }
}
