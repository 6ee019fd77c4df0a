using Rollcall.Exchange;

namespace Rollcall.Tests.Exchange;

/// <summary>The distance behind every "did you mean".</summary>
public sealed class SpellingTests
{
    [Theory]
    [InlineData("students", "Students", 0)]
    [InlineData("studnets", "students", 1)]
    [InlineData("student", "students", 1)]
    [InlineData("studebts", "students", 1)]
    [InlineData("", "abc", 3)]
    [InlineData("kitten", "sitting", 3)]
    public void A_slip_of_the_finger_counts_one(string typed, string meant, int distance)
    {
        Assert.Equal(distance, Spelling.Distance(typed, meant));
        Assert.Equal(distance, Spelling.Distance(meant, typed));
    }
}
