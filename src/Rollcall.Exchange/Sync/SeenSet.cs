namespace Rollcall.Exchange.Sync;

/// <summary>Which documents of the ledger a scan has come across: one bit each, so 50 million are 6 MB.</summary>
internal sealed class SeenSet
{
    private ulong[] _bits = new ulong[1024];

    public long Count { get; private set; }

    public bool Contains(long docId) => docId >> 6 < _bits.Length && (_bits[docId >> 6] & 1UL << (int)(docId & 63)) != 0;

    /// <summary>False when it was there already.</summary>
    public bool Add(long docId)
    {
        var word = (int)(docId >> 6);
        if (word >= _bits.Length)
        {
            Array.Resize(ref _bits, Math.Max(_bits.Length * 2, word + 1));
        }

        var bit = 1UL << (int)(docId & 63);
        if ((_bits[word] & bit) != 0)
        {
            return false;
        }

        _bits[word] |= bit;
        Count++;
        return true;
    }
}
