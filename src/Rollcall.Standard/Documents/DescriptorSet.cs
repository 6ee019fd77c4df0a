using System.Buffers;
using System.Collections.Concurrent;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Rollcall.Standard.Keys;
using Rollcall.Standard.Model;

namespace Rollcall.Standard.Documents;

/// <summary>A descriptor that documents may use.</summary>
/// <param name="RowId">Its row number in the store, or any positive number where there is no store.</param>
public sealed record DescriptorEntry(ResourceModel Resource, long RowId, Guid Id, string Namespace, string CodeValue)
{
    /// <summary><c>namespace#codeValue</c> in the stored spelling.</summary>
    public string Uri { get; } = $"{Namespace}#{CodeValue}";

    /// <summary><see cref="Uri"/> as a JSON string, quotes included, ready to be copied into a document.</summary>
    public byte[] UriJson { get; } =
        [(byte)'"', .. JsonEncodedText.Encode($"{Namespace}#{CodeValue}", JavaScriptEncoder.UnsafeRelaxedJsonEscaping).EncodedUtf8Bytes, (byte)'"'];
}

/// <summary>All descriptors that documents may use: folded <c>namespace#codeValue</c> to row number and stored spelling, per type.</summary>
/// <remarks>Documents are read against a set without any lock. A set only ever gains entries; when a descriptor is deleted or
/// respelled the store replaces the whole set by one with a higher <see cref="DeleteEpoch"/>. So a document stays valid as long as
/// the store's current set has the epoch of the set that the document was read with.</remarks>
public sealed class DescriptorSet(long deleteEpoch)
{
    private readonly ConcurrentDictionary<int, ConcurrentDictionary<byte[], DescriptorEntry>> _byType = new();
    private long _version;

    /// <summary>Rises whenever a descriptor is deleted or respelled in the store.</summary>
    public long DeleteEpoch { get; } = deleteEpoch;

    /// <summary>The newest change version among the entries: where a store goes on when it looks for entries that others have added.</summary>
    public long Version => Volatile.Read(ref _version);

    public IEnumerable<DescriptorEntry> All => _byType.Values.SelectMany(t => t.Values);

    /// <summary>Adds an entry; an equal one is replaced.</summary>
    /// <param name="changeVersion">The entry's change version in the store; 0 where there is none.</param>
    public void Add(DescriptorEntry entry, long changeVersion)
    {
        var values = _byType.GetOrAdd(entry.Resource.Index, _ => new ConcurrentDictionary<byte[], DescriptorEntry>(Utf8Comparer.Instance));
        values[Encoding.UTF8.GetBytes(Fold.Text(entry.Uri))] = entry;
        for (var seen = Version; changeVersion > seen;)
        {
            seen = Interlocked.CompareExchange(ref _version, changeVersion, seen) is var was && was == seen ? changeVersion : was;
        }
    }

    /// <summary>Finds a value of a descriptor type, without regard to letter case; null when the type has no such value.</summary>
    public DescriptorEntry? Find(ResourceModel descriptor, ReadOnlySpan<char> uri)
    {
        Span<char> folded = uri.Length <= 512 ? stackalloc char[uri.Length] : new char[uri.Length];
        Fold.To(uri, folded);
        Span<byte> utf8 = folded.Length <= 512 ? stackalloc byte[folded.Length * 3] : new byte[Encoding.UTF8.GetByteCount(folded)];
        return FindFolded(descriptor, utf8[..Encoding.UTF8.GetBytes(folded, utf8)]);
    }

    /// <summary>As the other, from UTF-8 text.</summary>
    public DescriptorEntry? Find(ResourceModel descriptor, ReadOnlySpan<byte> uri)
    {
        Span<byte> folded = uri.Length <= 512 ? stackalloc byte[uri.Length] : new byte[uri.Length];
        return Ascii.ToUpper(uri, folded, out var length) == OperationStatus.Done
            ? FindFolded(descriptor, folded[..length])
            : Find(descriptor, Encoding.UTF8.GetString(uri));
    }

    private DescriptorEntry? FindFolded(ResourceModel descriptor, ReadOnlySpan<byte> folded) =>
        _byType.TryGetValue(descriptor.Index, out var values)
        && values.GetAlternateLookup<ReadOnlySpan<byte>>().TryGetValue(folded, out var entry) ? entry : null;

    /// <summary>Compares texts as bytes; a document's bytes are looked up without making a string of them.</summary>
    private sealed class Utf8Comparer : IEqualityComparer<byte[]>, IAlternateEqualityComparer<ReadOnlySpan<byte>, byte[]>
    {
        public static readonly Utf8Comparer Instance = new();

        public bool Equals(byte[]? x, byte[]? y) => x.AsSpan().SequenceEqual(y);

        public int GetHashCode(byte[] obj) => GetHashCode(obj.AsSpan());

        public bool Equals(ReadOnlySpan<byte> alternate, byte[] other) => alternate.SequenceEqual(other);

        public int GetHashCode(ReadOnlySpan<byte> alternate)
        {
            var hash = new HashCode();
            hash.AddBytes(alternate);
            return hash.ToHashCode();
        }

        public byte[] Create(ReadOnlySpan<byte> alternate) => alternate.ToArray();
    }
}
