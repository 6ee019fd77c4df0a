using System.Buffers;
using System.Buffers.Text;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Rollcall.Standard.Model;

namespace Rollcall.Standard.Documents.Reading;

/// <content>Scalars: the coercion table (4.3) and the rules for strings (4.4) and numbers (4.5).</content>
internal ref partial struct BodyScanner
{
    /// <summary>A received number is repeated in fault texts up to this many characters.</summary>
    private const int EchoedCharacters = 64;

    private EntryState ScanScalar(CompiledMember member, bool isRoot, ref Entry entry)
    {
        switch (member.Type)
        {
            case PropertyType.Boolean:
                return ScanBoolean(member, ref entry);
            case PropertyType.Integer:
                return ScanInteger(member, ref entry);
            case PropertyType.Decimal:
                return ScanDecimal(member, ref entry);
        }

        if (_json.TokenType != JsonTokenType.String)
        {
            return WrongType(member.Name, "string");
        }

        var value = _json.ValueIsEscaped ? Unescape() : _json.ValueSpan;
        return member.Type switch
        {
            PropertyType.Date => ScanDate(member, value, ref entry),
            PropertyType.DateTime => ScanDateTime(member, value, ref entry),
            PropertyType.Time => ScanTime(member, value, ref entry),
            _ => ScanString(member, isRoot, value, ref entry),
        };
    }

    private EntryState ScanBoolean(CompiledMember member, ref Entry entry)
    {
        bool? value = _json.TokenType switch
        {
            JsonTokenType.True => true,
            JsonTokenType.False => false,
            JsonTokenType.Number => BooleanOfNumber(_json.ValueSpan),
            JsonTokenType.String => BooleanOfText(_json.ValueIsEscaped ? Unescape() : _json.ValueSpan),
            _ => null,
        };
        if (value is not { } boolean)
        {
            return WrongType(member.Name, "boolean");
        }

        entry.Number = boolean ? 1 : 0;
        return Spell(boolean ? "true"u8 : "false"u8, ref entry);
    }

    private static bool? BooleanOfNumber(ReadOnlySpan<byte> text) => text.Length == 1 ? text[0] switch { (byte)'0' => false, (byte)'1' => true, _ => null } : null;

    private static bool? BooleanOfText(ReadOnlySpan<byte> text)
    {
        text = text.Trim((byte)' ');
        return Ascii.EqualsIgnoreCase(text, "true"u8) ? true : Ascii.EqualsIgnoreCase(text, "false"u8) ? false : BooleanOfNumber(text);
    }

    private EntryState ScanInteger(CompiledMember member, ref Entry entry)
    {
        ReadOnlySpan<byte> text;
        switch (_json.TokenType)
        {
            case JsonTokenType.Number:
                text = _json.ValueSpan;
                break;
            case JsonTokenType.String:
                text = _json.ValueIsEscaped ? Unescape() : _json.ValueSpan;
                var digits = text.StartsWith("-"u8) || text.StartsWith("+"u8) ? text[1..] : text;
                if (digits.IsEmpty || digits.IndexOfAnyExceptInRange((byte)'0', (byte)'9') >= 0)
                {
                    return WrongType(member.Name, "integer");
                }

                break;
            default:
                return WrongType(member.Name, "integer");
        }

        if (!Utf8Parser.TryParse(text, out long value, out var used) || used != text.Length)
        {
            // 5.0 and 5e2 are integers too; the rest has a fraction, or more digits than any integer here.
            if (!DecimalText.IsIntegral(text))
            {
                return WrongType(member.Name, "integer");
            }

            if (DecimalText.Read(text, 0, out var large) != NumberOutcome.Read || large < long.MinValue || large > long.MaxValue)
            {
                return OutOfRange(member, Echo(text), isTooSmall: text[0] == '-');
            }

            value = (long)large;
        }

        if (value < member.LeastInteger || value > member.MostInteger)
        {
            return OutOfRange(member, value.ToString(CultureInfo.InvariantCulture), isTooSmall: value < member.LeastInteger);
        }

        entry.Number = value;
        Span<byte> canonical = stackalloc byte[20];
        value.TryFormat(canonical, out var length, provider: CultureInfo.InvariantCulture);
        return Spell(canonical[..length], ref entry);
    }

    private EntryState OutOfRange(CompiledMember member, string value, bool isTooSmall)
    {
        AddSchemaFault(member.Name, isTooSmall
            ? FaultText.TooSmall(member.Name, value, member.LeastInteger)
            : FaultText.TooLarge(member.Name, value, member.MostInteger));
        return EntryState.Faulty;
    }

    private EntryState ScanDecimal(CompiledMember member, ref Entry entry)
    {
        if (_json.TokenType is not (JsonTokenType.Number or JsonTokenType.String))
        {
            return WrongType(member.Name, "number");
        }

        var rule = member.Decimal!;
        var outcome = DecimalText.Read(_json.ValueIsEscaped ? Unescape() : _json.ValueSpan, rule.Places, out var value);
        if (outcome == NumberOutcome.NotANumber)
        {
            return WrongType(member.Name, "number");
        }

        if (outcome == NumberOutcome.TooLarge || value < rule.Least || value > rule.Most)
        {
            // Below the root the reference names the model path rather than the member (4.5).
            _work.Faults.Add(FaultPhase.DecimalRange, member.Path, FaultText.DecimalRange(member.Path[2..], rule.LeastText, rule.MostText));
            return EntryState.Faulty;
        }

        Span<byte> canonical = stackalloc byte[40];
        return Spell(canonical[..DecimalText.Write(value, canonical)], ref entry);
    }

    private EntryState ScanDate(CompiledMember member, scoped ReadOnlySpan<byte> value, ref Entry entry)
    {
        if (DateText.TryIsoDate(value, out var day))
        {
            entry.Number = day;
            return Quote(value, ref entry);
        }

        if (!DateText.TrySlashDate(value, out day))
        {
            return WrongFormat(member, "date");
        }

        entry.Number = day;
        Span<byte> canonical = stackalloc byte[10];
        DateText.WriteDate(day, canonical);
        return Quote(canonical, ref entry);
    }

    private EntryState ScanDateTime(CompiledMember member, scoped ReadOnlySpan<byte> value, ref Entry entry)
    {
        if (!(_isDms ? DateText.TryAnyDateTime(value, out var ticks) : DateText.TryDateTime(value, out ticks)))
        {
            return WrongFormat(member, "date-time");
        }

        entry.Number = ticks;
        Span<byte> canonical = stackalloc byte[32];
        return Quote(canonical[..DateText.WriteDateTime(ticks, canonical)], ref entry);
    }

    private EntryState ScanTime(CompiledMember member, scoped ReadOnlySpan<byte> value, ref Entry entry)
    {
        if (!DateText.TryTime(value, out var ticks))
        {
            return WrongFormat(member, "time");
        }

        entry.Number = ticks;
        return Quote(value, ref entry);
    }

    private EntryState WrongFormat(CompiledMember member, string format)
    {
        AddSchemaFault(member.Name, FaultText.Format(member.Name, format));
        return EntryState.Faulty;
    }

    private EntryState ScanString(CompiledMember member, bool isRoot, scoped ReadOnlySpan<byte> value, ref Entry entry)
    {
        var isTrimmed = false;
        if (member.OuterSpaces == OuterSpaces.Trim)
        {
            var (start, length) = WhiteSpace.Trim(value);
            isTrimmed = length != value.Length;
            value = value.Slice(start, length);
        }

        if (!CheckString(member, isRoot, value))
        {
            return EntryState.Faulty;
        }

        if (_json.ValueIsEscaped || isTrimmed)
        {
            return Encode(value, ref entry);
        }

        return _isPlain || JavaScriptEncoder.UnsafeRelaxedJsonEscaping.FindFirstCharacterToEncodeUtf8(value) < 0
            ? Keep(ref entry)
            : Encode(value, ref entry);
    }

    private bool CheckString(CompiledMember member, bool isRoot, scoped ReadOnlySpan<byte> value)
    {
        var isGood = true;
        if (_json.ValueIsEscaped && value.Contains((byte)0))
        {
            AddSchemaFault(member.Name, FaultText.ZeroCharacter(member.Name));
            isGood = false;
        }

        var mustNotBeEmpty = member.OuterSpaces is OuterSpaces.Refuse or OuterSpaces.RefuseBlank;
        if (value.IsEmpty && mustNotBeEmpty)
        {
            AddSchemaFault(member.Name, isRoot ? FaultText.Empty(member.Name) : FaultText.OuterSpaces(member.Name));
            isGood = false;
        }
        else if ((member.OuterSpaces is OuterSpaces.Refuse or OuterSpaces.RefuseUnlessEmpty && WhiteSpace.IsOuter(value))
            || (member.OuterSpaces == OuterSpaces.RefuseBlank && WhiteSpace.IsOuter(value) && WhiteSpace.Trim(value).Length == 0))
        {
            AddSchemaFault(member.Name, FaultText.OuterSpaces(member.Name));
            isGood = false;
        }

        // A character takes at least one byte, so most values need no count.
        if (value.Length > member.MaxLength || member.MinLength > 0)
        {
            var characters = _isPlain && !_json.ValueIsEscaped ? value.Length : Characters(value);
            if (characters < member.MinLength)
            {
                AddSchemaFault(member.Name, FaultText.TooShort(member.Name, member.MinLength));
                isGood = false;
            }

            if (characters > member.MaxLength)
            {
                AddSchemaFault(member.Name, FaultText.TooLong(member.Name, member.MaxLength));
                isGood = false;
            }
        }

        return isGood;
    }

    /// <summary>Unicode characters, not UTF-16 units: every byte that does not continue one.</summary>
    private static int Characters(ReadOnlySpan<byte> text)
    {
        var count = 0;
        foreach (var b in text)
        {
            count += (b & 0xC0) != 0x80 ? 1 : 0;
        }

        return count;
    }

    private static string Echo(ReadOnlySpan<byte> number) =>
        number.Length <= EchoedCharacters ? Encoding.ASCII.GetString(number) : Encoding.ASCII.GetString(number[..EchoedCharacters]) + "…";

    /// <summary>The text as sent is canonical.</summary>
    private EntryState Keep(ref Entry entry)
    {
        entry.Start = (int)_json.TokenStartIndex;
        entry.Length = _json.ValueSpan.Length + 2;
        return EntryState.Scalar;
    }

    /// <summary>Takes a canonical number or boolean, as sent when it was sent so.</summary>
    private EntryState Spell(scoped ReadOnlySpan<byte> canonical, ref Entry entry)
    {
        if (_json.TokenType != JsonTokenType.String && _json.ValueSpan.SequenceEqual(canonical))
        {
            entry.Start = (int)_json.TokenStartIndex;
            entry.Length = canonical.Length;
            return EntryState.Scalar;
        }

        Rewrite(canonical.Length, ref entry);
        _work.Text.Add(canonical);
        return EntryState.Scalar;
    }

    /// <summary>Takes a canonical text that needs no escapes, as sent when it was sent so.</summary>
    private EntryState Quote(scoped ReadOnlySpan<byte> canonical, ref Entry entry)
    {
        if (!_json.ValueIsEscaped && _json.ValueSpan.SequenceEqual(canonical))
        {
            return Keep(ref entry);
        }

        Rewrite(canonical.Length + 2, ref entry);
        _work.Text.Add((byte)'"');
        _work.Text.Add(canonical);
        _work.Text.Add((byte)'"');
        return EntryState.Scalar;
    }

    /// <summary>Takes any text, with the fewest escapes.</summary>
    private EntryState Encode(scoped ReadOnlySpan<byte> text, ref Entry entry)
    {
        var start = _work.Text.Length;
        // The worst case is six bytes for one: a control character.
        var room = _work.Text.Reserve((text.Length * 6) + 2);
        room[0] = (byte)'"';
        var status = JavaScriptEncoder.UnsafeRelaxedJsonEscaping.EncodeUtf8(text, room[1..], out _, out var written);
        if (status != OperationStatus.Done)
        {
            throw new UnreachableException("A checked string could not be encoded.");
        }

        entry.HasEscape = room.Slice(1, written).Contains((byte)'\\');
        room[written + 1] = (byte)'"';
        _work.Text.Advance(written + 2);
        entry.Start = start;
        entry.Length = written + 2;
        entry.IsRewritten = true;
        return EntryState.Scalar;
    }

    private void Rewrite(int length, ref Entry entry)
    {
        entry.Start = _work.Text.Length;
        entry.Length = length;
        entry.IsRewritten = true;
    }
}
