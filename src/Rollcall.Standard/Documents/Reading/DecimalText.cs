using System.Buffers;
using System.Globalization;

namespace Rollcall.Standard.Documents.Reading;

/// <summary>What became of a text that should be a number.</summary>
internal enum NumberOutcome
{
    Read,
    NotANumber,

    /// <summary>A number, but of a size that <see cref="decimal"/> can't hold.</summary>
    TooLarge,
}

/// <summary>Reads decimal numbers of any length exactly, and writes their one spelling.</summary>
internal static class DecimalText
{
    /// <summary>Digits that a <see cref="decimal"/> surely holds.</summary>
    private const int Capacity = 28;

    private static readonly SearchValues<byte> s_digitsAndPoint = SearchValues.Create("0123456789."u8);

    /// <summary>Reads JSON numbers and the same with a leading plus or a bare decimal point.</summary>
    /// <param name="places">Decimal places to round to, half away from zero; null keeps as many as fit.</param>
    public static NumberOutcome Read(ReadOnlySpan<byte> text, int? places, out decimal value)
    {
        value = 0;
        if (!TrySplit(text, out var digits, out var point, out var isNegative))
        {
            return NumberOutcome.NotANumber;
        }

        // 'digits' may hold one decimal point, which DigitAt steps over; 'point' is how many digits stand before the real one.
        var count = digits.Contains((byte)'.') ? digits.Length - 1 : digits.Length;
        var dot = digits.IndexOf((byte)'.');
        var first = 0;
        while (first < count && DigitAt(digits, dot, first) == 0)
        {
            first++;
        }

        if (first == count)
        {
            return NumberOutcome.Read;
        }

        if (point - first > Capacity)
        {
            return NumberOutcome.TooLarge;
        }

        var scale = Math.Min(places ?? Capacity, Capacity);
        if (point - first + (long)scale > Capacity)
        {
            scale = (int)(Capacity - (point - first));
        }

        var end = point + scale;
        UInt128 unscaled = 0;
        for (long i = first; i < end; i++)
        {
            unscaled = (unscaled * 10) + (i < count ? (uint)DigitAt(digits, dot, (int)i) : 0);
        }

        if (end >= first && end < count && DigitAt(digits, dot, (int)end) >= 5)
        {
            unscaled++;
        }

        if (unscaled == 0)
        {
            return NumberOutcome.Read;
        }

        var bits = (ulong)unscaled;
        value = new decimal((int)(uint)bits, (int)(uint)(bits >> 32), (int)(uint)(ulong)(unscaled >> 64), isNegative, (byte)scale);
        return NumberOutcome.Read;
    }

    /// <summary>Whether a JSON number has no fraction, however it is written.</summary>
    public static bool IsIntegral(ReadOnlySpan<byte> number)
    {
        if (!TrySplit(number, out var digits, out var point, out _))
        {
            return false;
        }

        var dot = digits.IndexOf((byte)'.');
        var count = dot < 0 ? digits.Length : digits.Length - 1;
        for (var i = (int)Math.Clamp(point, 0, count); i < count; i++)
        {
            if (DigitAt(digits, dot, i) != 0)
            {
                return false;
            }
        }

        return point >= 0 || digits.IndexOfAnyExcept((byte)'0', (byte)'.') < 0;
    }

    /// <summary>Writes fixed notation without trailing zeros; returns the length.</summary>
    /// <param name="text">At least 40 bytes.</param>
    public static int Write(decimal value, Span<byte> text)
    {
        value.TryFormat(text, out var length, "G", CultureInfo.InvariantCulture);
        if (text[..length].Contains((byte)'.'))
        {
            while (text[length - 1] == '0')
            {
                length--;
            }

            if (text[length - 1] == '.')
            {
                length--;
            }
        }

        return length;
    }

    /// <summary>Checks the form and takes sign and exponent off.</summary>
    /// <param name="point">How many of the digits stand before the decimal point once the exponent is applied; may be negative.</param>
    private static bool TrySplit(ReadOnlySpan<byte> text, out ReadOnlySpan<byte> digits, out long point, out bool isNegative)
    {
        digits = default;
        point = 0;
        isNegative = text.StartsWith("-"u8);
        if (isNegative || text.StartsWith("+"u8))
        {
            text = text[1..];
        }

        var end = text.IndexOfAnyExcept(s_digitsAndPoint);
        end = end < 0 ? text.Length : end;
        digits = text[..end];
        var dot = digits.IndexOf((byte)'.');
        var count = dot < 0 ? end : end - 1;
        if (count == 0 || (dot >= 0 && digits[(dot + 1)..].Contains((byte)'.')))
        {
            return false;
        }

        point = dot < 0 ? end : dot;
        return end == text.Length || (text[end] is (byte)'e' or (byte)'E' && TryExponent(text[(end + 1)..], ref point));
    }

    private static bool TryExponent(ReadOnlySpan<byte> text, ref long point)
    {
        var isNegative = text.StartsWith("-"u8);
        if (isNegative || text.StartsWith("+"u8))
        {
            text = text[1..];
        }

        if (text.IsEmpty || text.IndexOfAnyExceptInRange((byte)'0', (byte)'9') >= 0)
        {
            return false;
        }

        long exponent = 0;
        foreach (var digit in text)
        {
            // Far beyond any body's length a larger exponent changes nothing any more.
            exponent = Math.Min((exponent * 10) + (digit - '0'), int.MaxValue);
        }

        point += isNegative ? -exponent : exponent;
        return true;
    }

    private static int DigitAt(ReadOnlySpan<byte> digits, int dot, int index) => digits[dot < 0 || index < dot ? index : index + 1] - '0';
}
