using System.Buffers;
using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Rollcall.Standard.Keys;

namespace Rollcall.Exchange.Verify;

/// <summary>Turns documents into fingerprints that are equal when the documents say the same.</summary>
/// <remarks>Not told apart are: order of members, order of a collection's items, white space, escapes; numbers of one value
/// (<c>1.50</c>, <c>1.5</c>), date-times of one instant, times with and without empty fractions; letter case of descriptor values and natural keys;
/// an absent member, <c>null</c>, an empty collection and an empty object.</remarks>
public sealed class CanonicalDocument
{
    private readonly ArrayBufferWriter<byte> _bytes = new(4096);
    private byte[] _scratch = new byte[4096];

    /// <param name="body">Without id, etag and links.</param>
    /// <param name="identity">Paths of the natural key; empty to take the whole document for its key.</param>
    public Fingerprint Read(ReadOnlyMemory<byte> body, Guid id, IReadOnlyList<string[]> identity)
    {
        using var json = JsonDocument.Parse(body, new JsonDocumentOptions { MaxDepth = 128 });
        _bytes.ResetWrittenCount();
        Write(json.RootElement, isDescriptor: false, folds: false);
        var record = RecordHash.Compute(_bytes.WrittenSpan);
        if (identity.Count == 0)
        {
            return new Fingerprint(record.Value, record.Value, id);
        }

        _bytes.ResetWrittenCount();
        foreach (var path in identity)
        {
            var value = json.RootElement;
            var isThere = path.All(name => value.ValueKind == JsonValueKind.Object && value.TryGetProperty(name, out value));
            if (isThere)
            {
                Write(value, isDescriptor: false, folds: true);
            }

            Append((byte)0);
        }

        return new Fingerprint(KeyHash.Compute(_bytes.WrittenSpan).Value, record.Value, id);
    }

    /// <returns>False when the value says nothing; then nothing is written.</returns>
    private bool Write(JsonElement value, bool isDescriptor, bool folds)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.Object:
                return WriteObject(value, folds);
            case JsonValueKind.Array:
                return WriteArray(value, folds);
            case JsonValueKind.String:
                WriteText(value.GetString()!, isDescriptor || folds);
                return true;
            case JsonValueKind.Number:
                Append((byte)'n');
                AppendText(Number(value.GetRawText()));
                return true;
            case JsonValueKind.True or JsonValueKind.False:
                Append(value.ValueKind == JsonValueKind.True ? (byte)'t' : (byte)'f');
                return true;
            default:
                return false;
        }
    }

    private bool WriteObject(JsonElement value, bool folds)
    {
        var members = new List<JsonProperty>();
        foreach (var member in value.EnumerateObject())
        {
            members.Add(member);
        }

        members.Sort(static (a, b) => string.CompareOrdinal(a.Name, b.Name));
        var start = _bytes.WrittenCount;
        Append((byte)'{');
        var any = false;
        foreach (var member in members)
        {
            var before = _bytes.WrittenCount;
            AppendText(member.Name);
            Append((byte)':');
            if (Write(member.Value, member.Name.EndsWith("Descriptor", StringComparison.Ordinal), folds))
            {
                any = true;
            }
            else
            {
                Truncate(before);
            }
        }

        return Close(any, start, (byte)'}');
    }

    /// <summary>A collection is a set: its items are put in the order of their own canonical bytes.</summary>
    private bool WriteArray(JsonElement value, bool folds)
    {
        var start = _bytes.WrittenCount;
        Append((byte)'[');
        var items = new List<(int From, int To)>();
        foreach (var item in value.EnumerateArray())
        {
            var from = _bytes.WrittenCount;
            if (Write(item, isDescriptor: false, folds))
            {
                items.Add((from, _bytes.WrittenCount));
            }
            else
            {
                Truncate(from);
            }
        }

        if (items.Count > 1)
        {
            var first = items[0].From;
            var length = _bytes.WrittenCount - first;
            if (_scratch.Length < length)
            {
                _scratch = new byte[length * 2];
            }

            _bytes.WrittenSpan[first..].CopyTo(_scratch);
            items.Sort((a, b) => _scratch.AsSpan(a.From - first, a.To - a.From).SequenceCompareTo(_scratch.AsSpan(b.From - first, b.To - b.From)));
            Truncate(first);
            foreach (var (from, to) in items)
            {
                _bytes.Write(_scratch.AsSpan(from - first, to - from));
            }
        }

        return Close(items.Count > 0, start, (byte)']');
    }

    private bool Close(bool any, int start, byte end)
    {
        if (any)
        {
            Append(end);
        }
        else
        {
            Truncate(start);
        }

        return any;
    }

    private void WriteText(string text, bool folds)
    {
        if (text.Length is >= 19 and <= 40 && text[10] == 'T' && char.IsAsciiDigit(text[0]) && HasOffset(text)
            && DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.RoundtripKind, out var instant))
        {
            Append((byte)'d');
            AppendText(instant.UtcTicks.ToString(CultureInfo.InvariantCulture));
            return;
        }

        Append((byte)'"');
        AppendText(folds ? Fold.Text(text) : text.Length >= 9 && text[2] == ':' && text[5] == ':' && text[8] == '.' ? text.TrimEnd('0').TrimEnd('.') : text);
    }

    private static bool HasOffset(string text) => text[^1] == 'Z' || (text.Length >= 25 && text[^3] == ':' && text[^6] is '+' or '-');

    /// <summary>One spelling for each value; digits are never dropped, whatever their number.</summary>
    private static string Number(string raw)
    {
        if (raw.AsSpan().IndexOfAny('e', 'E') >= 0)
        {
            // 1e400 and the like: only equal spellings are equal then.
            return decimal.TryParse(raw, NumberStyles.Float, CultureInfo.InvariantCulture, out var value)
                ? Number(value.ToString(CultureInfo.InvariantCulture))
                : raw;
        }

        var plain = raw.Contains('.', StringComparison.Ordinal) ? raw.TrimEnd('0').TrimEnd('.') : raw;
        return plain == "-0" ? "0" : plain;
    }

    private void Append(byte one)
    {
        _bytes.GetSpan(1)[0] = one;
        _bytes.Advance(1);
    }

    /// <summary>With its length in front, so that no text can pass for the end of another.</summary>
    private void AppendText(string text)
    {
        var span = _bytes.GetSpan(Encoding.UTF8.GetMaxByteCount(text.Length) + sizeof(int));
        var length = Encoding.UTF8.GetBytes(text, span[sizeof(int)..]);
        BinaryPrimitives.WriteInt32LittleEndian(span, length);
        _bytes.Advance(length + sizeof(int));
    }

    /// <summary>ArrayBufferWriter only grows; what follows <paramref name="length"/> is written over.</summary>
    private void Truncate(int length)
    {
        if (length == _bytes.WrittenCount)
        {
            return;
        }

        var keep = ArrayPool<byte>.Shared.Rent(Math.Max(length, 1));
        _bytes.WrittenSpan[..length].CopyTo(keep);
        _bytes.ResetWrittenCount();
        _bytes.Write(keep.AsSpan(0, length));
        ArrayPool<byte>.Shared.Return(keep);
    }
}

/// <summary>What verify keeps of a document: hashes of its natural key and of its content, and its id to name it by. 48 bytes.</summary>
public readonly record struct Fingerprint(UInt128 Key, UInt128 Record, Guid Id) : IComparable<Fingerprint>
{
    public const int Bytes = 48;

    public int CompareTo(Fingerprint other)
    {
        var byKey = Key.CompareTo(other.Key);
        var byRecord = byKey != 0 ? byKey : Record.CompareTo(other.Record);
        return byRecord != 0 ? byRecord : Id.CompareTo(other.Id);
    }
}
