using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Rollcall.Standard.Keys;

/// <summary>The first 16 bytes of SHA-256 over a natural key's canonical bytes (<see cref="CanonicalKey"/>): equal keys hash
/// equally whatever their letter case. Specified in <c>docs/formats/hash.md</c>.</summary>
public readonly record struct KeyHash(UInt128 Value) : IComparable<KeyHash>
{
    public const int Bytes = 16;

    public static KeyHash Compute(ReadOnlySpan<byte> canonicalKey) => new(Hash128.Compute(canonicalKey));

    public static KeyHash Read(ReadOnlySpan<byte> bigEndian) => new(BinaryPrimitives.ReadUInt128BigEndian(bigEndian));

    public void Write(Span<byte> bigEndian) => BinaryPrimitives.WriteUInt128BigEndian(bigEndian, Value);

    public byte[] ToArray() => Hash128.ToArray(Value);

    /// <summary>The same 16 bytes as a uuid, the smallest fast 16-byte type of PostgreSQL.</summary>
    public Guid ToGuid() => new(ToArray(), bigEndian: true);

    public static KeyHash FromGuid(Guid guid) => new(Hash128.FromGuid(guid));

    public int CompareTo(KeyHash other) => Value.CompareTo(other.Value);

    public override string ToString() => Value.ToString("x32", null);
}

/// <summary>The first 16 bytes of SHA-256 over a document's canonical form: equal content hashes equally however it was
/// spaced or ordered. Specified in <c>docs/formats/hash.md</c>.</summary>
public readonly record struct RecordHash(UInt128 Value)
{
    public static RecordHash Compute(ReadOnlySpan<byte> canonicalDocument) => new(Hash128.Compute(canonicalDocument));

    public static RecordHash Read(ReadOnlySpan<byte> bigEndian) => new(BinaryPrimitives.ReadUInt128BigEndian(bigEndian));

    public byte[] ToArray() => Hash128.ToArray(Value);

    public Guid ToGuid() => new(ToArray(), bigEndian: true);

    public static RecordHash FromGuid(Guid guid) => new(Hash128.FromGuid(guid));

    public override string ToString() => Value.ToString("x32", null);
}

internal static class Hash128
{
    /// <summary>Kept per thread: to set up a new one costs more than to hash a small document (bench/Rollcall.Benchmarks/ReaderBenchmarks.cs).</summary>
    [ThreadStatic]
    private static IncrementalHash? s_sha256;

    public static UInt128 Compute(ReadOnlySpan<byte> bytes)
    {
        var sha256 = s_sha256 ??= IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Span<byte> digest = stackalloc byte[SHA256.HashSizeInBytes];
        sha256.AppendData(bytes);
        sha256.GetHashAndReset(digest);
        return BinaryPrimitives.ReadUInt128BigEndian(digest);
    }

    public static byte[] ToArray(UInt128 value)
    {
        var bytes = new byte[16];
        BinaryPrimitives.WriteUInt128BigEndian(bytes, value);
        return bytes;
    }

    public static UInt128 FromGuid(Guid guid)
    {
        Span<byte> bytes = stackalloc byte[16];
        guid.TryWriteBytes(bytes, bigEndian: true, out _);
        return BinaryPrimitives.ReadUInt128BigEndian(bytes);
    }
}
