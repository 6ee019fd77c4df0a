using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;
using Rollcall.Standard.Model;

namespace Rollcall.Standard.Documents.Reading;

/// <summary>Finds the position of a member by its name's UTF-8 bytes; names are compared exactly.</summary>
internal sealed class MemberNames
{
    private readonly byte[][] _names;
    private readonly short[] _table;
    private readonly int _mask;

    public MemberNames(ObjectModel model)
    {
        _names = [.. model.NamesUtf8];
        var size = (int)BitOperations.RoundUpToPowerOf2((uint)Math.Max(_names.Length * 4, 8));
        _table = new short[size];
        _mask = size - 1;
        for (var i = 0; i < _names.Length; i++)
        {
            var at = Hash(_names[i]) & _mask;
            while (_table[at] != 0)
            {
                at = (at + 1) & _mask;
            }

            _table[at] = (short)(i + 1);
        }
    }

    /// <summary>The position, or -1.</summary>
    /// <param name="expected">Tried first: documents mostly come with their members in the same order as the last.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int Find(ReadOnlySpan<byte> name, int expected)
    {
        var names = _names;
        return (uint)expected < (uint)names.Length && name.SequenceEqual(names[expected]) ? expected : Find(name);
    }

    private int Find(ReadOnlySpan<byte> name)
    {
        for (var at = Hash(name) & _mask; ; at = (at + 1) & _mask)
        {
            var found = _table[at] - 1;
            if (found < 0 || name.SequenceEqual(_names[found]))
            {
                return found;
            }
        }
    }

    private static int Hash(ReadOnlySpan<byte> name)
    {
        ulong head = 0, tail = 0;
        if (name.Length >= 8)
        {
            head = BinaryPrimitives.ReadUInt64LittleEndian(name);
            tail = BinaryPrimitives.ReadUInt64LittleEndian(name[^8..]);
        }
        else
        {
            foreach (var b in name)
            {
                head = (head << 8) | b;
            }
        }

        var mixed = (head + (ulong)name.Length) * 0x9E3779B97F4A7C15 ^ BitOperations.RotateLeft(tail * 0xC2B2AE3D27D4EB4F, 31);
        return (int)(mixed >> 33);
    }
}
