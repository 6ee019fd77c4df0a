namespace Rollcall.Demo;

/// <summary>Chance that is the same on every machine and in every version, so that a seed names one data set for ever.</summary>
/// <remarks>SplitMix64. <see cref="Random"/> with a seed promises this for one runtime only.</remarks>
internal sealed class LimitlessSisDice(ulong seed)
{
    private ulong _state = seed;

    /// <summary>A stream of its own for a seed and one of its uses, such as a day.</summary>
    public static LimitlessSisDice For(int seed, int use) =>
        new((ulong)(uint)seed * 0x9E37_79B9_7F4A_7C15 ^ (ulong)(uint)use * 0xD1B5_4A32_D192_ED03);

    /// <summary>0 up to but not including <paramref name="bound"/>.</summary>
    public int Next(int bound) => (int)((Step() >> 32) * (ulong)bound >> 32);

    public bool Chance(int perMille) => Next(1000) < perMille;

    public T Pick<T>(ReadOnlySpan<T> from) => from[Next(from.Length)];

    public void Shuffle<T>(Span<T> items)
    {
        for (var i = items.Length - 1; i > 0; i--)
        {
            var j = Next(i + 1);
            (items[i], items[j]) = (items[j], items[i]);
        }
    }

    private ulong Step()
    {
        _state += 0x9E37_79B9_7F4A_7C15;
        var z = _state;
        z = (z ^ (z >> 30)) * 0xBF58_476D_1CE4_E5B9;
        z = (z ^ (z >> 27)) * 0x94D0_49BB_1331_11EB;
        return z ^ (z >> 31);
    }
}
