using System.Buffers;
using System.Text.Json;

namespace Rollcall.Serve.Profiles;

/// <summary>Cuts JSON down to what a shape shows, bytes to bytes. What is shown is copied as it stands.</summary>
internal ref struct ShapedBytes
{
    private readonly ReadOnlySpan<byte> _json;
    private readonly bool _isRead;
    private byte[] _output;
    private int _length;

    private ShapedBytes(ReadOnlySpan<byte> json, bool isRead)
    {
        _json = json;
        _isRead = isRead;
        _output = ArrayPool<byte>.Shared.Rent(json.Length + 2);
    }

    /// <summary>For an answer: items that fail their filter, and what ends up empty, are left out.</summary>
    /// <param name="json">A stored document.</param>
    public static ShapedDocument Read(ReadOnlySpan<byte> json, ObjectShape shape) => Run(json, shape, isRead: true);

    /// <summary>For a request: only members are left out, so that faults are still found where they are. The root's <c>id</c> stays for the
    /// rules about it.</summary>
    /// <exception cref="JsonException">The body is not JSON.</exception>
    public static ShapedDocument Write(ReadOnlySpan<byte> json, ObjectShape shape) => Run(json, shape, isRead: false);

    private static ShapedDocument Run(ReadOnlySpan<byte> json, ObjectShape shape, bool isRead)
    {
        var shaped = new ShapedBytes(json, isRead);
        try
        {
            var reader = new Utf8JsonReader(json);
            reader.Read();
            if (reader.TokenType == JsonTokenType.StartObject)
            {
                shaped.Object(ref reader, shape, isRoot: true);
            }
            else
            {
                shaped.Value(ref reader, (int)reader.TokenStartIndex);
            }

            // What follows the value is a fault that the reader of bodies must get to see.
            if (reader.Read())
            {
                throw new JsonException();
            }

            return new ShapedDocument(shaped._output, shaped._length);
        }
        catch
        {
            ArrayPool<byte>.Shared.Return(shaped._output);
            throw;
        }
    }

    /// <returns>Whether anything of the object is shown.</returns>
    private bool Object(ref Utf8JsonReader reader, ObjectShape shape, bool isRoot)
    {
        Append("{"u8);
        var (any, last) = (false, -1);
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var nameAt = (int)reader.TokenStartIndex;
            var index = reader.ValueIsEscaped ? shape.Model.IndexOf(reader.GetString()!) : shape.IndexOf(reader.ValueSpan, last);
            var member = index < 0 ? Unknown(reader, isRoot) : shape.Members[index];
            last = index < 0 ? last : index;
            reader.Read();
            var undo = _length;
            if (member.Visibility == Visibility.Hidden)
            {
                reader.Skip();
                continue;
            }

            if (any)
            {
                Append(","u8);
            }

            if (member.Visibility == Visibility.Object && reader.TokenType == JsonTokenType.StartObject)
            {
                Append(_json[nameAt..(int)reader.TokenStartIndex]);
                if (!Object(ref reader, member.Inner!, isRoot: false) && _isRead)
                {
                    _length = undo;
                    continue;
                }
            }
            else if (member.Visibility == Visibility.Collection && reader.TokenType == JsonTokenType.StartArray)
            {
                Append(_json[nameAt..(int)reader.TokenStartIndex]);
                if (!Array(ref reader, member) && _isRead)
                {
                    _length = undo;
                    continue;
                }
            }
            else
            {
                Value(ref reader, nameAt);
            }

            any = true;
        }

        Append("}"u8);
        return any;
    }

    /// <returns>Whether any item is shown.</returns>
    private bool Array(ref Utf8JsonReader reader, in MemberShape member)
    {
        Append("["u8);
        var any = false;
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            var undo = _length;
            if (any)
            {
                Append(","u8);
            }

            if (reader.TokenType != JsonTokenType.StartObject)
            {
                Value(ref reader, (int)reader.TokenStartIndex);
            }
            else if (_isRead && member.Filter is { } filter && !filter.Shows(_json[(int)reader.TokenStartIndex..]))
            {
                reader.Skip();
                _length = undo;
                continue;
            }
            else if (!Object(ref reader, member.Inner!, isRoot: false) && _isRead)
            {
                _length = undo;
                continue;
            }

            any = true;
        }

        Append("]"u8);
        return any;
    }

    /// <summary>Copies from <paramref name="from"/> to the end of the value at which the reader is.</summary>
    private void Value(ref Utf8JsonReader reader, int from)
    {
        reader.Skip();
        Append(_json[from..(int)reader.BytesConsumed]);
    }

    /// <summary>A member that the model does not have: the link of a reference in a stored document, an id in a body, or nothing of interest.</summary>
    private readonly MemberShape Unknown(in Utf8JsonReader reader, bool isRoot)
    {
        var name = reader.GetString()!;
        var isKept = isRoot ? name.Equals("id", StringComparison.OrdinalIgnoreCase) : _isRead && name == "link";
        return new MemberShape(isKept ? Visibility.Whole : Visibility.Hidden, null, null);
    }

    private void Append(ReadOnlySpan<byte> bytes)
    {
        if (_output.Length - _length < bytes.Length)
        {
            var larger = ArrayPool<byte>.Shared.Rent(Math.Max(_output.Length * 2, _length + bytes.Length));
            _output.AsSpan(0, _length).CopyTo(larger);
            ArrayPool<byte>.Shared.Return(_output);
            _output = larger;
        }

        bytes.CopyTo(_output.AsSpan(_length));
        _length += bytes.Length;
    }
}

/// <summary>A document cut down, in rented memory.</summary>
internal readonly struct ShapedDocument(byte[] rented, int length) : IDisposable
{
    public ReadOnlyMemory<byte> Memory => rented.AsMemory(0, length);

    public ReadOnlySpan<byte> Span => rented.AsSpan(0, length);

    public void Dispose() => ArrayPool<byte>.Shared.Return(rented);
}
