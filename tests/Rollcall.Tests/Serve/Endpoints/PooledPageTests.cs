using System.Buffers;
using System.IO.Pipelines;
using Rollcall.Serve.Endpoints;

namespace Rollcall.Tests.Serve.Endpoints;

public sealed class PooledPageTests
{
    [Theory]
    [InlineData(3, 1_000)]
    [InlineData(500, 1_000)]
    [InlineData(40, 1_000_000)]
    [InlineData(9, 7_000_000)]
    public async Task What_is_written_is_sent_in_its_order_and_memory_is_bounded(int documents, int size)
    {
        using var page = new PooledPage();
        var expected = new MemoryStream();
        var largest = 0L;
        for (var i = 0; i < documents; i++)
        {
            var span = page.GetSpan(size);
            span[..size].Fill((byte)('a' + (i % 26)));
            expected.Write(span[..size]);
            page.Advance(size);
            largest = Math.Max(largest, page.Length - page.FileLength);
        }

        Assert.Equal((long)documents * size, page.Length);
        Assert.InRange(largest, 0, PooledPage.MemoryMax + (2 * size) + (128 * 1024));
        Assert.Equal((long)documents * size > 2 * PooledPage.MemoryMax, page.FileLength > 0);
        var sent = new MemoryStream();
        var writer = PipeWriter.Create(sent);
        await page.SendAsync(writer, TestContext.Current.CancellationToken);
        await writer.FlushAsync(TestContext.Current.CancellationToken);
        Assert.True(expected.ToArray().AsSpan().SequenceEqual(sent.ToArray()));
    }

    [Fact]
    public void A_page_that_could_not_go_to_its_file_gives_each_piece_of_memory_back_once()
    {
        // Pieces of a size that nothing else in this process rents.
        const int size = 24 * 1024 * 1024;
        var page = new PooledPage(openFile: () => throw new IOException("No space left on device"));
        page.GetSpan(size)[..size].Fill(1);
        page.Advance(size);
        Assert.Throws<IOException>(() => page.GetSpan(size));
        page.Dispose();

        var rented = Enumerable.Range(0, 4).Select(_ => ArrayPool<byte>.Shared.Rent(size)).ToArray();
        Assert.Equal(rented.Length, rented.Distinct().Count());
        foreach (var array in rented)
        {
            ArrayPool<byte>.Shared.Return(array);
        }
    }
}
