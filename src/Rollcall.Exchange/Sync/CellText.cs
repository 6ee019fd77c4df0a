using System.Buffers;
using System.Buffers.Text;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Rollcall.Standard.Model;

namespace Rollcall.Exchange.Sync;

/// <summary>Turns a cell's text into a JSON value of a member's type. What does not look like the type is passed on as a string,
/// so that the data standard's own reader says what is wrong with it.</summary>
internal static class CellText
{
    private static readonly SearchValues<byte> _escaped = SearchValues.Create([.. Enumerable.Range(0, 0x20).Select(i => (byte)i), (byte)'"', (byte)'\\', 0x7f]);

    /// <summary>Removes white space at both ends.</summary>
    public static ReadOnlySpan<byte> Trimmed(ReadOnlySpan<byte> cell)
    {
        if (cell.Length == 0 || (cell[0] is > 0x20 and < 0x80 && cell[^1] is > 0x20 and < 0x80))
        {
            return cell;
        }

        if (Ascii.IsValid(cell))
        {
            return cell.Trim(" \t\r\n\f\v"u8);
        }

        var text = Encoding.UTF8.GetString(cell);
        var trimmed = text.Trim();
        return trimmed.Length == text.Length ? cell : Encoding.UTF8.GetBytes(trimmed);
    }

    /// <summary>Appends the JSON value of a trimmed cell that is not empty.</summary>
    public static void Append(Utf8Buffer to, PropertyType type, ReadOnlySpan<byte> cell)
    {
        switch (type)
        {
            case PropertyType.Integer or PropertyType.Decimal:
                Number(to, cell);
                break;
            case PropertyType.Boolean:
                Boolean(to, cell);
                break;
            case PropertyType.Date:
                Quoted(to, cell.Length > 10 && IsMidnight(cell[10..]) ? cell[..10] : cell);
                break;
            case PropertyType.Time when cell.Length == 5 && cell[2] == ':':
                Quoted(to, [.. cell, .. ":00"u8]);
                break;
            case PropertyType.Time:
                Quoted(to, cell.Length > 9 && cell[8] == '.' && cell[9..].IndexOfAnyExcept((byte)'0') < 0 ? cell[..8] : cell);
                break;
            case PropertyType.DateTime when cell.Length > 10 && cell[10] == ' ':
                Quoted(to, [.. cell[..10], (byte)'T', .. cell[11..]]);
                break;
            default:
                Quoted(to, cell);
                break;
        }
    }

    /// <summary>Appends text as a JSON string, in Unicode's composed form.</summary>
    public static void Quoted(Utf8Buffer to, ReadOnlySpan<byte> text)
    {
        if (!Ascii.IsValid(text))
        {
            to.Add(Mapping.JsonText.Quote(Encoding.UTF8.GetString(text).Normalize(NormalizationForm.FormC)));
            return;
        }

        if (text.ContainsAny(_escaped))
        {
            to.Add((byte)'"');
            to.Add(JsonEncodedText.Encode(text, JavaScriptEncoder.UnsafeRelaxedJsonEscaping).EncodedUtf8Bytes);
            to.Add((byte)'"');
            return;
        }

        var room = to.Reserve(text.Length + 2);
        room[0] = (byte)'"';
        text.CopyTo(room[1..]);
        room[text.Length + 1] = (byte)'"';
        to.Advance(text.Length + 2);
    }

    private static void Number(Utf8Buffer to, ReadOnlySpan<byte> cell)
    {
        var digits = cell[0] is (byte)'-' or (byte)'+' ? cell[1..] : cell;
        var point = digits.IndexOf((byte)'.');
        var whole = point < 0 ? digits : digits[..point];
        var fraction = point < 0 ? [] : digits[(point + 1)..];
        if (digits.Length == 0 || whole.Length + fraction.Length == 0
            || whole.IndexOfAnyExceptInRange((byte)'0', (byte)'9') >= 0 || fraction.IndexOfAnyExceptInRange((byte)'0', (byte)'9') >= 0)
        {
            // Scientific notation is JSON as it stands.
            if (IsScientific(cell))
            {
                to.Add(cell);
            }
            else
            {
                Quoted(to, cell);
            }

            return;
        }

        whole = whole.TrimStart((byte)'0');
        fraction = fraction.TrimEnd((byte)'0');
        if (cell[0] == '-' && whole.Length + fraction.Length > 0)
        {
            to.Add((byte)'-');
        }

        to.Add(whole.IsEmpty ? "0"u8 : whole);
        if (!fraction.IsEmpty)
        {
            to.Add((byte)'.');
            to.Add(fraction);
        }
    }

    private static bool IsScientific(ReadOnlySpan<byte> cell) =>
        cell[0] is (byte)'-' or (>= (byte)'0' and <= (byte)'9') && Utf8Parser.TryParse(cell, out decimal _, out var used, 'E') && used == cell.Length;

    private static void Boolean(Utf8Buffer to, ReadOnlySpan<byte> cell)
    {
        if (cell.SequenceEqual("1"u8) || Ascii.EqualsIgnoreCase(cell, "true"u8) || Ascii.EqualsIgnoreCase(cell, "t"u8))
        {
            to.Add("true"u8);
        }
        else if (cell.SequenceEqual("0"u8) || Ascii.EqualsIgnoreCase(cell, "false"u8) || Ascii.EqualsIgnoreCase(cell, "f"u8))
        {
            to.Add("false"u8);
        }
        else
        {
            Quoted(to, cell);
        }
    }

    /// <summary>The time that a database without dates, or a timestamp column, puts behind a date: <c> 00:00:00.000</c>.</summary>
    private static bool IsMidnight(ReadOnlySpan<byte> rest) =>
        rest[0] is (byte)' ' or (byte)'T' && rest.Length >= 6 && rest[1..].IndexOfAnyExcept("0:."u8) is var end && (end < 0 || rest[(end + 1)..] is [(byte)'Z']);
}
