using Rollcall.Serve.Storage.Sqlite;

namespace Rollcall.Tests.Serve.Storage;

/// <summary>The column that says which descriptors a document uses.</summary>
public sealed class DescriptorRowSetTests
{
    [Theory]
    [InlineData(new long[0])]
    [InlineData(new long[] { 1 })]
    [InlineData(new long[] { 1, 2, 127, 128, 129, 300 })]
    [InlineData(new long[] { 16_384, 2_097_152, 5_000_000_000, long.MaxValue })]
    public void It_contains_what_was_written_and_nothing_else(long[] rows)
    {
        var bytes = new byte[rows.Length * DescriptorRowSet.BytesPerRowMax];
        var set = bytes.AsSpan(0, DescriptorRowSet.Write(rows, bytes)).ToArray();

        Assert.All(rows, row => Assert.True(DescriptorRowSet.Contains(set, row)));
        var others = rows.SelectMany(r => new[] { r - 1, r == long.MaxValue ? 5 : r + 1 }).Append(77).Except(rows).Where(r => r > 0);
        Assert.All(others, row => Assert.False(DescriptorRowSet.Contains(set, row)));
    }
}
