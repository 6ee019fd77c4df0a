using System.Collections.Concurrent;

namespace Rollcall.Serve.Storage.Sqlite;

/// <summary>Remembers at which row an offset was reached, so that the next page begins there instead of counting rows from the start.</summary>
/// <remarks>New rows always come last, so an anchor holds until a row before it goes: a delete, or for a window of change versions
/// also an update. Each raises the resource's epoch after its commit and before it is answered. A reader takes the epoch before its
/// snapshot; an anchor found in an older snapshot is dropped by the newer epoch.</remarks>
internal sealed class PageAnchors(int resources)
{
    /// <summary>Anchors closer together than this are not worth their memory: the walk between them costs microseconds.</summary>
    private const int Spacing = 250;

    private const int WindowsMax = 256;

    private readonly long[] _deletes = new long[resources];
    private readonly long[] _changes = new long[resources];
    private readonly ConcurrentDictionary<PageWindow, Anchors> _windows = new();

    /// <summary>Taken before the reader's snapshot begins.</summary>
    public long Epoch(in PageWindow window) => Volatile.Read(ref (window.IsWhole ? _deletes : _changes)[window.Resource]);

    /// <summary>Called after the commit that updated or deleted rows of a resource.</summary>
    public void Changed(int resource, bool isDelete)
    {
        Interlocked.Increment(ref _changes[resource]);
        if (isDelete)
        {
            Interlocked.Increment(ref _deletes[resource]);
        }
    }

    /// <summary>Forgets everything: another process wrote to the file.</summary>
    public void Clear()
    {
        for (var i = 0; i < _deletes.Length; i++)
        {
            Changed(i, isDelete: true);
        }
    }

    /// <summary>The nearest known position at or before <paramref name="offset"/>: after <c>Offset</c> rows, the last of which is <c>RowId</c>.</summary>
    public (long Offset, long RowId) Find(in PageWindow window, long epoch, long offset) =>
        _windows.TryGetValue(window, out var anchors) ? anchors.Find(epoch, offset) : (0, 0);

    public void Add(in PageWindow window, long epoch, long offset, long rowId)
    {
        if (!_windows.TryGetValue(window, out var anchors))
        {
            if (_windows.Count >= WindowsMax)
            {
                _windows.Clear();
            }

            anchors = _windows.GetOrAdd(window, _ => new Anchors());
        }

        anchors.Add(epoch, offset, rowId);
    }

    private sealed class Anchors
    {
        private readonly Lock _lock = new();
        private readonly List<(long Offset, long RowId)> _sorted = [];
        private long _epoch;

        public (long Offset, long RowId) Find(long epoch, long offset)
        {
            lock (_lock)
            {
                if (epoch != _epoch)
                {
                    return (0, 0);
                }

                var before = Before(offset);
                return before < 0 ? (0, 0) : _sorted[before];
            }
        }

        public void Add(long epoch, long offset, long rowId)
        {
            lock (_lock)
            {
                if (epoch < _epoch)
                {
                    return;
                }

                if (epoch > _epoch)
                {
                    _sorted.Clear();
                    _epoch = epoch;
                }

                var before = Before(offset);
                var isFar = (before < 0 || offset - _sorted[before].Offset >= Spacing)
                    && (before + 1 >= _sorted.Count || _sorted[before + 1].Offset - offset >= Spacing);
                if (isFar)
                {
                    _sorted.Insert(before + 1, (offset, rowId));
                }
            }
        }

        private int Before(long offset)
        {
            var low = 0;
            var high = _sorted.Count;
            while (low < high)
            {
                var middle = (low + high) / 2;
                if (_sorted[middle].Offset <= offset)
                {
                    low = middle + 1;
                }
                else
                {
                    high = middle;
                }
            }

            return low - 1;
        }
    }
}

/// <summary>The rows that a page is cut from: a resource's, or those of a range of change versions.</summary>
internal readonly record struct PageWindow(int Resource, long? Min, long? Max)
{
    public bool IsWhole => Min is null && Max is null;
}
