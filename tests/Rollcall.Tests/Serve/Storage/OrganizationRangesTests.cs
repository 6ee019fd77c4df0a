using Rollcall.Serve.Storage;

namespace Rollcall.Tests.Serve.Storage;

/// <summary>Many organizations as few ranges.</summary>
public sealed class OrganizationRangesTests
{
    [Fact]
    public void A_range_ends_where_somebody_elses_organization_is()
    {
        var ranges = OrganizationRanges.Of([2, 5, 9, 20, 21], [2, 5, 7, 9, 15, 20, 21, 30]);
        Assert.Equal([2, 9, 20], ranges.From);
        Assert.Equal([5, 9, 21], ranges.To);
    }

    [Fact]
    public void Ranges_hold_the_callers_organizations_and_none_of_the_others()
    {
        var seed = Environment.TickCount;
        TestContext.Current.TestOutputHelper!.WriteLine($"seed {seed}");
        var random = new Random(seed);
        for (var round = 0; round < 2_000; round++)
        {
            // Some of the caller's are not in the hierarchy.
            var all = Enumerable.Range(1, 30).Where(_ => random.Next(3) > 0).Select(i => (long)i).ToArray();
            var mine = Enumerable.Range(1, 30).Where(_ => random.Next(3) > 0).Select(i => (long)i).ToArray();
            var (from, to) = OrganizationRanges.Of(mine, all);
            bool IsIn(long organization) => from.Zip(to).Any(r => r.First <= organization && organization <= r.Second);
            Assert.All(mine, m => Assert.True(IsIn(m)));
            Assert.All(all.Except(mine), o => Assert.False(IsIn(o)));
            Assert.Equal(from.Order(), from);
        }
    }
}
