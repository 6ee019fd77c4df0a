using System.Text;

namespace Rollcall.Standard.Documents.Reading;

/// <summary>White space at the ends of UTF-8 texts, as Unicode defines it.</summary>
internal static class WhiteSpace
{
    /// <summary>Whether a text begins or ends with white space.</summary>
    public static bool IsOuter(ReadOnlySpan<byte> text) => !text.IsEmpty && (Leading(text) > 0 || Trailing(text) > 0);

    /// <summary>Where the text without outer white space stands.</summary>
    public static (int Start, int Length) Trim(ReadOnlySpan<byte> text)
    {
        var start = 0;
        while (start < text.Length && Leading(text[start..]) is var length and > 0)
        {
            start += length;
        }

        var end = text.Length;
        while (end > start && Trailing(text[start..end]) is var length and > 0)
        {
            end -= length;
        }

        return (start, end - start);
    }

    private static int Leading(ReadOnlySpan<byte> text)
    {
        if (text[0] < 0x80)
        {
            return IsAsciiWhiteSpace(text[0]) ? 1 : 0;
        }

        Rune.DecodeFromUtf8(text, out var rune, out var length);
        return Rune.IsWhiteSpace(rune) ? length : 0;
    }

    private static int Trailing(ReadOnlySpan<byte> text)
    {
        if (text[^1] < 0x80)
        {
            return IsAsciiWhiteSpace(text[^1]) ? 1 : 0;
        }

        Rune.DecodeLastFromUtf8(text, out var rune, out var length);
        return Rune.IsWhiteSpace(rune) ? length : 0;
    }

    private static bool IsAsciiWhiteSpace(byte b) => b is (byte)' ' or (>= 0x09 and <= 0x0D);
}
