using System.Globalization;

namespace Rollcall.Exchange.Sync.Capture;

/// <summary>A value of <c>@changed</c> a while before another, spelt as the database spells it.</summary>
internal static class Watermark
{
    /// <summary>A time goes back by <paramref name="overlap"/>; a whole number is taken for seconds; anything else stays as it is.</summary>
    public static string Before(string value, TimeSpan overlap)
    {
        if (long.TryParse(value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number))
        {
            return (number - (long)overlap.TotalSeconds).ToString(CultureInfo.InvariantCulture);
        }

        // "2026-09-14 06:00:00.123+00": what is behind the seconds is an offset, a fraction or both; text is compared from its beginning.
        if (value.Length < 19 || !DateTime.TryParseExact(value.AsSpan(0, 19), ["yyyy-MM-dd HH:mm:ss", "yyyy-MM-ddTHH:mm:ss"], CultureInfo.InvariantCulture, DateTimeStyles.None, out var time))
        {
            return value;
        }

        var offset = value.AsSpan(19).IndexOfAny('+', '-', 'Z') is >= 0 and var at ? value[(19 + at)..] : "";
        return time.Subtract(overlap).ToString(value[10] == 'T' ? "yyyy-MM-ddTHH:mm:ss" : "yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture) + offset;
    }
}
