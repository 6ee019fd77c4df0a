using System.Runtime.InteropServices;
using Rollcall.Exchange.Delivery;

namespace Rollcall.Exchange.Verify;

/// <summary>The fingerprints of one side of one resource, given back in order. Beyond a limit they are sorted into a temporary file, so
/// that memory stays the same for thousands and for millions; the file holds hashes and ids, no content.</summary>
internal sealed class FingerprintSet(int inMemoryMax = 200_000) : IDisposable
{
    /// <summary>Fingerprints read from the file at once, for each sorted run.</summary>
    private const int ReadAhead = 512;

    private readonly List<Fingerprint> _current = [];
    private readonly List<(long Start, int Count)> _runs = [];
    private FileStream? _file;

    public long Count { get; private set; }

    public void Add(in Fingerprint fingerprint)
    {
        Count++;
        _current.Add(fingerprint);
        if (_current.Count == inMemoryMax)
        {
            Spill();
        }
    }

    /// <summary>All of them by key, then content; call it when nothing is added any more.</summary>
    public IEnumerable<Fingerprint> InOrder()
    {
        _current.Sort();
        if (_runs.Count == 0)
        {
            return _current;
        }

        _file!.Flush();
        return Merge([.. _runs.Select(r => ReadRun(r.Start, r.Count)), _current]);
    }

    private static IEnumerable<Fingerprint> Merge(IReadOnlyList<IEnumerable<Fingerprint>> runs)
    {
        var next = new PriorityQueue<IEnumerator<Fingerprint>, Fingerprint>();
        var open = runs.Select(r => r.GetEnumerator()).ToList();
        try
        {
            foreach (var run in open.Where(r => r.MoveNext()))
            {
                next.Enqueue(run, run.Current);
            }

            while (next.TryDequeue(out var run, out var fingerprint))
            {
                yield return fingerprint;
                if (run.MoveNext())
                {
                    next.Enqueue(run, run.Current);
                }
            }
        }
        finally
        {
            open.ForEach(r => r.Dispose());
        }
    }

    private void Spill()
    {
        _current.Sort();
        _file ??= TemporaryFile.Create();
        _file.Position = _file.Length;
        _runs.Add((_file.Position, _current.Count));
        _file.Write(MemoryMarshal.AsBytes(CollectionsMarshal.AsSpan(_current)));
        _current.Clear();
    }

    private IEnumerable<Fingerprint> ReadRun(long start, int count)
    {
        var buffer = new Fingerprint[ReadAhead];
        for (var done = 0; done < count;)
        {
            var some = Math.Min(ReadAhead, count - done);
            _file!.Position = start + (long)done * Fingerprint.Bytes;
            _file.ReadExactly(MemoryMarshal.AsBytes(buffer.AsSpan(0, some)));
            for (var i = 0; i < some; i++)
            {
                yield return buffer[i];
            }

            done += some;
        }
    }

    public void Dispose() => _file?.Dispose();
}
