namespace Rollcall.Standard.Documents.Reading;

/// <summary>The faults of the first phase that has any; those of later phases are not kept.</summary>
internal sealed class FaultList
{
    /// <summary>A body can hold a million faults; nobody reads more than these, and the answer must stay small.</summary>
    private const int Most = 1000;

    private const int LookedThrough = 16;
    private readonly List<Fault> _faults = [];

    /// <summary>The same faults, once there are too many to look through.</summary>
    private HashSet<Fault>? _known;

    public bool IsEmpty => _faults.Count == 0;

    /// <summary>No fault that the schema could still find would be kept.</summary>
    public bool IsFull => _faults.Count == Most && _faults[0].Phase <= FaultPhase.Schema;

    public void Add(FaultPhase phase, string path, string message)
    {
        if (_faults.Count > 0)
        {
            var first = _faults[0].Phase;
            if (phase > first || (phase == first && _faults.Count == Most))
            {
                return;
            }

            if (phase < first)
            {
                Clear();
            }
        }

        var fault = new Fault(phase, path, message);
        // Items of one array can break one rule alike: the key has no index (4.7), so it is one finding.
        if (_faults.Count == LookedThrough)
        {
            _known ??= [.. _faults];
        }

        if (_known is null ? _faults.Contains(fault) : !_known.Add(fault))
        {
            return;
        }

        _faults.Add(fault);
    }

    public Fault[] ToArray() => [.. _faults];

    public void Clear()
    {
        _faults.Clear();
        _known = null;
    }
}
