using System.Buffers.Text;
using System.Text;
using Rollcall.Standard.Documents.Reading;
using Rollcall.Standard.Model;

namespace Rollcall.Standard.Documents;

/// <summary>Converts the text of a query string into the value that a document's <see cref="Document.QueryValues"/> are compared with.</summary>
public static class ScalarText
{
    /// <summary>A longer text is no number, date or boolean, whatever it says.</summary>
    private const int LongestNumber = 64;

    /// <summary>Reads <paramref name="text"/> as a value of <paramref name="field"/>; false when it is none.</summary>
    /// <param name="descriptors">Where descriptor values are looked up. A value that it does not hold, or any value without it,
    /// has <see cref="ScalarValue.Number"/> 0: no document can match.</param>
    public static bool TryParse(QueryField field, DataStandard standard, string text, DescriptorSet? descriptors, out ScalarValue value)
    {
        if (field.Type == PropertyType.String)
        {
            value = new ScalarValue(true, PropertyType.String, text, 0, 0);
            return true;
        }

        if (field.Type == PropertyType.Descriptor)
        {
            var found = descriptors?.Find(standard.DescriptorOf(field.Paths[0].Leaf), text.AsSpan());
            value = new ScalarValue(true, PropertyType.Descriptor, found?.Uri ?? text, found?.RowId ?? 0, 0);
            return true;
        }

        value = default;
        Span<byte> utf8 = stackalloc byte[LongestNumber];
        return text.Length <= LongestNumber && Ascii.IsValid(text) && TryParse(field, utf8[..Encoding.ASCII.GetBytes(text, utf8)], out value);
    }

    private static bool TryParse(QueryField field, ReadOnlySpan<byte> text, out ScalarValue value)
    {
        long number = 0;
        decimal exact = 0;
        var isRead = field.Type switch
        {
            PropertyType.Boolean => TryBoolean(text, out number),
            PropertyType.Integer => TryInteger(text, field.IntegerBits, out number),
            // Not rounded to the member's scale: a finer value than any stored one equals none.
            PropertyType.Decimal => DecimalText.Read(text, null, out exact) == NumberOutcome.Read,
            PropertyType.Date => TryDate(text, out number),
            PropertyType.DateTime => TryMoment(text, out number),
            PropertyType.Time => DateText.TryTime(text, out number),
            _ => false,
        };
        value = isRead ? new ScalarValue(true, field.Type, null, number, exact) : default;
        return isRead;
    }

    private static bool TryBoolean(ReadOnlySpan<byte> text, out long number)
    {
        number = Ascii.EqualsIgnoreCase(text, "true"u8) ? 1 : 0;
        return number == 1 || Ascii.EqualsIgnoreCase(text, "false"u8);
    }

    private static bool TryInteger(ReadOnlySpan<byte> text, int bits, out long number)
    {
        var isRead = Utf8Parser.TryParse(text, out number, out var used) && used == text.Length;
        return isRead && bits switch
        {
            16 => number == (short)number,
            32 => number == (int)number,
            _ => true,
        };
    }

    /// <summary>A date, or a date-time whose time is ignored.</summary>
    private static bool TryDate(ReadOnlySpan<byte> text, out long number)
    {
        number = 0;
        if (text.Length > 10 && !TryMoment(text, out _))
        {
            return false;
        }

        var isRead = DateText.TryIsoDate(text[..Math.Min(text.Length, 10)], out var day);
        number = day;
        return isRead;
    }

    /// <summary>A moment in UTC; without an offset the text is UTC, and a date alone is its midnight.</summary>
    private static bool TryMoment(ReadOnlySpan<byte> text, out long ticks)
    {
        if (text.Length == 10)
        {
            var isDate = DateText.TryIsoDate(text, out var day);
            ticks = day * TimeSpan.TicksPerDay;
            return isDate;
        }

        if (DateText.TryDateTime(text, out ticks))
        {
            return true;
        }

        Span<byte> withOffset = stackalloc byte[LongestNumber + 1];
        text.CopyTo(withOffset);
        withOffset[text.Length] = (byte)'Z';
        return DateText.TryDateTime(withOffset[..(text.Length + 1)], out ticks);
    }
}
