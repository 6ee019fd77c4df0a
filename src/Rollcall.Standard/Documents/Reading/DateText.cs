using System.Globalization;
using System.Text;

namespace Rollcall.Standard.Documents.Reading;

/// <summary>Reads dates, times and date-times as the standard spells them and as clients send them.</summary>
internal static class DateText
{
    /// <summary>Two-digit years are those up to 2049, as .NET's invariant calendar has it.</summary>
    private const int LastTwoDigitYear = 49;

    /// <summary>In bytes; a longer text is no date-time, whatever it says.</summary>
    private const int LongestDateTime = 64;

    /// <summary><c>yyyy-MM-dd</c>; gives days since 0001-01-01.</summary>
    public static bool TryIsoDate(ReadOnlySpan<byte> text, out int day)
    {
        day = 0;
        return text.Length == 10 && text[4] == '-' && text[7] == '-'
            && TryDigits(text[..4], out var year) && TryDigits(text.Slice(5, 2), out var month) && TryDigits(text.Slice(8, 2), out var date)
            && TryDay(year, month, date, out day);
    }

    /// <summary><c>5/4/2025</c>: month first; where that is no date, day first.</summary>
    public static bool TrySlashDate(ReadOnlySpan<byte> text, out int day)
    {
        day = 0;
        var first = text.IndexOf((byte)'/');
        if (first is not (1 or 2))
        {
            return false;
        }

        var rest = text[(first + 1)..];
        var second = rest.IndexOf((byte)'/');
        if (second is not (1 or 2) || (rest.Length - second - 1) is not (2 or 4))
        {
            return false;
        }

        if (!TryDigits(text[..first], out var a) || !TryDigits(rest[..second], out var b) || !TryDigits(rest[(second + 1)..], out var year))
        {
            return false;
        }

        if (rest.Length - second - 1 == 2)
        {
            year += year <= LastTwoDigitYear ? 2000 : 1900;
        }

        return TryDay(year, a, b, out day) || TryDay(year, b, a, out day);
    }

    /// <summary><c>HH:mm:ss</c>; gives ticks since midnight.</summary>
    public static bool TryTime(ReadOnlySpan<byte> text, out long ticks)
    {
        ticks = 0;
        if (text.Length != 8 || text[2] != ':' || text[5] != ':'
            || !TryDigits(text[..2], out var hour) || !TryDigits(text.Slice(3, 2), out var minute) || !TryDigits(text.Slice(6, 2), out var second)
            || hour > 23 || minute > 59 || second > 59)
        {
            return false;
        }

        ticks = ((((hour * 60) + minute) * 60) + second) * TimeSpan.TicksPerSecond;
        return true;
    }

    /// <summary>RFC 3339: date, time and offset, all required; gives UTC ticks.</summary>
    /// <remarks>Fractions are kept to 100 ns, which is what the stores and every known server resolve.</remarks>
    public static bool TryDateTime(ReadOnlySpan<byte> text, out long ticks)
    {
        ticks = 0;
        if (text.Length < 20 || text[10] is not ((byte)'T' or (byte)'t')
            || !TryIsoDate(text[..10], out var day) || !TryTime(text.Slice(11, 8), out var time))
        {
            return false;
        }

        var rest = text[19..];
        long fraction = 0;
        if (rest[0] == '.')
        {
            var end = rest[1..].IndexOfAnyExceptInRange((byte)'0', (byte)'9') + 1;
            if (end < 2)
            {
                return false;
            }

            var unit = TimeSpan.TicksPerSecond;
            foreach (var digit in rest[1..Math.Min(end, 8)])
            {
                unit /= 10;
                fraction += (digit - '0') * unit;
            }

            rest = rest[end..];
        }

        if (!TryOffset(rest, out var offset))
        {
            return false;
        }

        ticks = (day * TimeSpan.TicksPerDay) + time + fraction - offset;
        return ticks >= DateTime.MinValue.Ticks && ticks <= DateTime.MaxValue.Ticks;
    }

    /// <summary>Any common spelling of a date, with or without time and offset, as the DMS takes it: what is missing is midnight and UTC,
    /// and fractions of a second are dropped.</summary>
    public static bool TryAnyDateTime(ReadOnlySpan<byte> text, out long ticks)
    {
        if (TrySlashDate(text, out var day) || TryIsoDate(text, out day))
        {
            ticks = day * TimeSpan.TicksPerDay;
            return true;
        }

        const DateTimeStyles styles = DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal | DateTimeStyles.AllowWhiteSpaces | DateTimeStyles.NoCurrentDateDefault;
        if (!TryDateTime(text, out ticks))
        {
            // A time alone gets the year 1 and is no date-time.
            if (text.Length > LongestDateTime || !DateTime.TryParse(Encoding.UTF8.GetString(text), CultureInfo.InvariantCulture, styles, out var moment) || moment.Year == 1)
            {
                return false;
            }

            ticks = moment.Ticks;
        }

        ticks -= ticks % TimeSpan.TicksPerSecond;
        return true;
    }

    /// <summary>Writes <c>yyyy-MM-ddTHH:mm:ss[.fffffff]Z</c> without trailing zeros in the fraction; returns the length.</summary>
    /// <param name="text">At least 28 bytes.</param>
    public static int WriteDateTime(long ticks, Span<byte> text)
    {
        var moment = new DateTime(ticks, DateTimeKind.Utc);
        moment.TryFormat(text, out var length, "yyyy-MM-dd'T'HH:mm:ss.fffffff", CultureInfo.InvariantCulture);
        while (text[length - 1] == '0')
        {
            length--;
        }

        if (text[length - 1] == '.')
        {
            length--;
        }

        text[length] = (byte)'Z';
        return length + 1;
    }

    /// <summary>Writes <c>yyyy-MM-dd</c>.</summary>
    public static void WriteDate(int day, Span<byte> text) =>
        DateOnly.FromDayNumber(day).TryFormat(text, out _, "yyyy-MM-dd", CultureInfo.InvariantCulture);

    private static bool TryOffset(ReadOnlySpan<byte> text, out long ticks)
    {
        ticks = 0;
        if (text.Length == 1)
        {
            return text[0] is (byte)'Z' or (byte)'z';
        }

        if (text.Length != 6 || text[0] is not ((byte)'+' or (byte)'-') || text[3] != ':'
            || !TryDigits(text.Slice(1, 2), out var hours) || !TryDigits(text.Slice(4, 2), out var minutes) || hours > 23 || minutes > 59)
        {
            return false;
        }

        ticks = ((hours * 60) + minutes) * TimeSpan.TicksPerMinute * (text[0] == '-' ? -1 : 1);
        return true;
    }

    private static bool TryDay(int year, int month, int date, out int day)
    {
        day = 0;
        if (year < 1 || month is < 1 or > 12 || date < 1 || date > DateTime.DaysInMonth(year, month))
        {
            return false;
        }

        day = new DateOnly(year, month, date).DayNumber;
        return true;
    }

    private static bool TryDigits(ReadOnlySpan<byte> text, out int value)
    {
        value = 0;
        foreach (var digit in text)
        {
            if (digit is < (byte)'0' or > (byte)'9')
            {
                return false;
            }

            value = (value * 10) + (digit - '0');
        }

        return true;
    }
}
