using System.Buffers.Binary;
using System.Numerics;

namespace Rollcall.Exchange.State;

/// <summary>128 bits that tell one document from another: quick, because every document that is published gets one, and not meant against
/// somebody who makes collisions. Specified in <c>docs/formats/publish-state.md</c>.</summary>
internal static class MarkHash
{
    private const ulong First = 0x9E3779B97F4A7C15;
    private const ulong Second = 0xD6E8FEB86659FD93;
    private const ulong Third = 0xA0761D6478BD642F;
    private const ulong Fourth = 0xE7037ED1A0B428DB;

    public static UInt128 Of(Guid id, ReadOnlySpan<byte> body)
    {
        Span<byte> block = stackalloc byte[16];
        id.TryWriteBytes(block);
        var (a, b) = (First ^ (ulong)body.Length, Second);
        Add(ref a, ref b, block);
        while (body.Length >= 16)
        {
            Add(ref a, ref b, body);
            body = body[16..];
        }

        if (body.Length > 0)
        {
            block.Clear();
            body.CopyTo(block);
            Add(ref a, ref b, block);
        }

        return new UInt128(Mix(a ^ Third, b) ^ b, Mix(b ^ Fourth, a) ^ a);
    }

    /// <summary>Each half takes in both words of a block; what it was stays in it even where a factor of the product is nought.</summary>
    private static void Add(ref ulong a, ref ulong b, ReadOnlySpan<byte> block)
    {
        var x = BinaryPrimitives.ReadUInt64LittleEndian(block);
        var y = BinaryPrimitives.ReadUInt64LittleEndian(block[8..]);
        (a, b) = (Mix(a ^ x, y ^ Third) + BitOperations.RotateLeft(b, 29), Mix(b ^ y, x ^ Fourth) + BitOperations.RotateLeft(a, 31));
    }

    private static ulong Mix(ulong one, ulong other)
    {
        var high = Math.BigMul(one, other, out var low);
        return high ^ low;
    }
}
