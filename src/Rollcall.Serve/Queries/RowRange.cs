using System.Buffers.Binary;
using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Rollcall.Standard.Model;

namespace Rollcall.Serve.Queries;

/// <summary>The rows that are left to a walk by cursor, both ends inclusive; its text is the page token.</summary>
/// <remarks>A token says where to read on and nothing else: filters and authorization come with each request, so one that is made up
/// shows nothing that its sender could not ask for. The check value only tells mistakes from tokens.</remarks>
public readonly record struct RowRange(long First, long Last)
{
    private const int Bytes = 2 * sizeof(long);
    private const int CheckBytes = 5;

    public static readonly RowRange All = new(0, long.MaxValue);

    /// <summary>As clients carry it: URL-safe, 28 characters.</summary>
    public string ToToken(ResourceModel resource)
    {
        Span<byte> token = stackalloc byte[Bytes + CheckBytes];
        BinaryPrimitives.WriteInt64BigEndian(token, First);
        BinaryPrimitives.WriteInt64BigEndian(token[sizeof(long)..], Last);
        WriteCheck(token[..Bytes], resource, token[Bytes..]);
        return Base64Url.EncodeToString(token);
    }

    /// <summary>False for anything that is no token of this resource.</summary>
    public static bool TryParse(string text, ResourceModel resource, out RowRange range)
    {
        range = default;
        Span<byte> token = stackalloc byte[Bytes + CheckBytes];
        Span<byte> check = stackalloc byte[CheckBytes];
        if (text.Length != Base64Url.GetEncodedLength(token.Length)
            || !Base64Url.TryDecodeFromChars(text, token, out var written) || written != token.Length)
        {
            return false;
        }

        WriteCheck(token[..Bytes], resource, check);
        range = new RowRange(BinaryPrimitives.ReadInt64BigEndian(token), BinaryPrimitives.ReadInt64BigEndian(token[sizeof(long)..]));
        return check.SequenceEqual(token[Bytes..]) && range.First >= 0 && range.First <= range.Last;
    }

    /// <summary>What is left behind a row; null when nothing can be.</summary>
    public RowRange? After(long row) => row < Last ? this with { First = row + 1 } : null;

    private static void WriteCheck(ReadOnlySpan<byte> range, ResourceModel resource, Span<byte> check)
    {
        Span<byte> digest = stackalloc byte[SHA256.HashSizeInBytes];
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(Encoding.UTF8.GetBytes(resource.Name.Path));
        hash.AppendData(range);
        hash.GetHashAndReset(digest);
        digest[..CheckBytes].CopyTo(check);
    }
}
