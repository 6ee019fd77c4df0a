using System.Buffers.Binary;
using System.Numerics;
using Rollcall.Standard.Keys;

namespace Rollcall.Standard.Documents.Reading;

/// <summary>Remembers the hashes of keys that one document after another refers to: the same few schools, sessions and programs.
/// Hashing a key costs more than everything else that is done to a reference.</summary>
internal sealed class KeyHashCache
{
    private const int Slots = 512;

    /// <summary>A longer key is hashed each time.</summary>
    private const int KeyBytesMax = 120;

    private readonly byte[] _keys = new byte[Slots * KeyBytesMax];
    private readonly int[] _lengths = new int[Slots];
    private readonly KeyHash[] _hashes = new KeyHash[Slots];

    public KeyHash HashOf(ReadOnlySpan<byte> canonicalKey)
    {
        if (canonicalKey.Length is 0 or > KeyBytesMax)
        {
            return KeyHash.Compute(canonicalKey);
        }

        var slot = SlotOf(canonicalKey);
        var kept = _keys.AsSpan(slot * KeyBytesMax, KeyBytesMax);
        if (_lengths[slot] != canonicalKey.Length || !kept[..canonicalKey.Length].SequenceEqual(canonicalKey))
        {
            _hashes[slot] = KeyHash.Compute(canonicalKey);
            _lengths[slot] = canonicalKey.Length;
            canonicalKey.CopyTo(kept);
        }

        return _hashes[slot];
    }

    private static int SlotOf(ReadOnlySpan<byte> key)
    {
        var mixed = (ulong)key.Length;
        for (; key.Length >= sizeof(ulong); key = key[sizeof(ulong)..])
        {
            mixed = BitOperations.RotateLeft((mixed ^ BinaryPrimitives.ReadUInt64LittleEndian(key)) * 0x9E3779B97F4A7C15, 31);
        }

        foreach (var b in key)
        {
            mixed = (mixed ^ b) * 0x100000001B3;
        }

        return (int)((mixed * 0x9E3779B97F4A7C15) >> 55);
    }
}
