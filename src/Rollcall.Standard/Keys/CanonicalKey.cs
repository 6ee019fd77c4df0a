using System.Buffers;
using System.Text;

namespace Rollcall.Standard.Keys;

/// <summary>Collects a natural key's values, in the order of the resource's key members, as the bytes that are hashed: each
/// value's canonical text, folded, as UTF-8, followed by one zero byte (no value can hold one). Numbers are plain decimal
/// digits, dates <c>yyyy-MM-dd</c>, descriptors <c>namespace#codeValue</c>. Specified in <c>docs/formats/hash.md</c>.</summary>
public ref struct CanonicalKey
{
    private Span<byte> _buffer;
    private int _length;

    /// <param name="buffer">Scratch to begin with, usually on the stack; a longer key moves to the heap.</param>
    public CanonicalKey(Span<byte> buffer) => _buffer = buffer;

    /// <summary>Appends one value's canonical text; the text is folded here.</summary>
    public void Append(scoped ReadOnlySpan<char> text)
    {
        Ensure(text.Length * 3 + 1);
        if (Ascii.IsValid(text))
        {
            Ascii.ToUpper(text, _buffer[_length..], out var written);
            _length += written;
        }
        else
        {
            var folded = new char[text.Length];
            Fold.To(text, folded);
            _length += Encoding.UTF8.GetBytes(folded, _buffer[_length..]);
        }

        _buffer[_length++] = 0;
    }

    /// <summary>Appends one value's canonical text; the text is folded here.</summary>
    public void Append(scoped ReadOnlySpan<byte> utf8)
    {
        Ensure(utf8.Length + 1);
        if (Ascii.ToUpper(utf8, _buffer[_length..], out var written) == OperationStatus.Done)
        {
            _length += written;
            _buffer[_length++] = 0;
        }
        else
        {
            Append(Encoding.UTF8.GetString(utf8));
        }
    }

    public void Append(long number)
    {
        Ensure(21);
        number.TryFormat(_buffer[_length..], out var written, provider: System.Globalization.CultureInfo.InvariantCulture);
        _length += written;
        _buffer[_length++] = 0;
    }

    public readonly ReadOnlySpan<byte> Bytes => _buffer[.._length];

    public readonly KeyHash Hash() => KeyHash.Compute(Bytes);

    public void Clear() => _length = 0;

    private void Ensure(int more)
    {
        if (_length + more > _buffer.Length)
        {
            var grown = new byte[Math.Max(_buffer.Length * 2, _length + more)];
            Bytes.CopyTo(grown);
            _buffer = grown;
        }
    }
}

/// <summary>The one rule by which Rollcall compares text without regard to letter case: each character's invariant upper case.
/// Applied in the process, so that every store agrees.</summary>
public static class Fold
{
    /// <summary>Folds into a buffer of the same length; the mapping never changes the length.</summary>
    public static void To(ReadOnlySpan<char> text, Span<char> folded) => text.ToUpperInvariant(folded);

    public static string Text(string text) => text.ToUpperInvariant();
}
