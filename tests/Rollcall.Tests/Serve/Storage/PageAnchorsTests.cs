using Rollcall.Serve.Storage.Sqlite;

namespace Rollcall.Tests.Serve.Storage;

/// <summary>What is remembered of deep pages, and when it must be forgotten.</summary>
public sealed class PageAnchorsTests
{
    private static readonly PageWindow Whole = new(0, null, null);
    private static readonly PageWindow Windowed = new(0, 1, 100);
    private readonly PageAnchors _anchors = new(2);

    [Fact]
    public void The_nearest_anchor_before_an_offset_is_found()
    {
        _anchors.Add(Whole, 0, 1000, 11);
        _anchors.Add(Whole, 0, 3000, 33);
        _anchors.Add(Whole, 0, 2000, 22);

        Assert.Equal((0, 0), _anchors.Find(Whole, 0, 999));
        Assert.Equal((1000, 11), _anchors.Find(Whole, 0, 1000));
        Assert.Equal((2000, 22), _anchors.Find(Whole, 0, 2999));
        Assert.Equal((3000, 33), _anchors.Find(Whole, 0, 1_000_000));
        Assert.Equal((0, 0), _anchors.Find(Windowed, 0, 2000));
        Assert.Equal((0, 0), _anchors.Find(new PageWindow(1, null, null), 0, 2000));
    }

    [Fact]
    public void A_delete_forgets_pages_and_windows_an_update_windows_only()
    {
        _anchors.Add(Whole, _anchors.Epoch(Whole), 1000, 11);
        _anchors.Add(Windowed, _anchors.Epoch(Windowed), 1000, 11);

        _anchors.Changed(0, isDelete: false);
        Assert.Equal((1000, 11), _anchors.Find(Whole, _anchors.Epoch(Whole), 1000));
        Assert.Equal((0, 0), _anchors.Find(Windowed, _anchors.Epoch(Windowed), 1000));

        _anchors.Changed(0, isDelete: true);
        Assert.Equal((0, 0), _anchors.Find(Whole, _anchors.Epoch(Whole), 1000));
    }

    [Fact]
    public void What_an_older_snapshot_found_is_not_taken()
    {
        var before = _anchors.Epoch(Whole);
        _anchors.Changed(0, isDelete: true);
        _anchors.Add(Whole, _anchors.Epoch(Whole), 500, 5);

        _anchors.Add(Whole, before, 1000, 11);

        Assert.Equal((500, 5), _anchors.Find(Whole, _anchors.Epoch(Whole), 1000));
        Assert.Equal((0, 0), _anchors.Find(Whole, before, 1000));
    }

    [Fact]
    public void Another_processs_write_forgets_everything()
    {
        _anchors.Add(Whole, 0, 1000, 11);
        _anchors.Clear();

        Assert.Equal((0, 0), _anchors.Find(Whole, _anchors.Epoch(Whole), 1000));
    }
}
