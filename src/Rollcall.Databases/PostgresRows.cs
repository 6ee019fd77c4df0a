using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using Npgsql.Internal;
using Npgsql.Internal.Postgres;

namespace Rollcall.Databases;

/// <summary>An array of a table's row type in PostgreSQL's binary form, written straight into a pooled buffer, so that one
/// parameter carries a whole group: <c>insert into t select … from unnest($1::t[])</c>.</summary>
/// <remarks>One array parameter per column is the usual way; measured with 43 columns it costs about twice as much time per
/// group, most of it in the server, which unpacks each array on its own. Fields are written in the order of the table's columns.</remarks>
public sealed class PostgresRows : IDisposable
{
    private const int HeaderBytes = 20;
    private static readonly DateTime Epoch = new(2000, 1, 1, 0, 0, 0, DateTimeKind.Utc);
    private readonly int _fields;
    private byte[] _buffer = ArrayPool<byte>.Shared.Rent(16 * 1024);
    private int _length = HeaderBytes;
    private int _rowStart;

    /// <param name="rowType">The row type's oid.</param>
    /// <param name="fields">How many columns the table has.</param>
    public PostgresRows(uint rowType, int fields)
    {
        _fields = fields;
        var header = _buffer.AsSpan();
        BinaryPrimitives.WriteInt32BigEndian(header, 1);
        BinaryPrimitives.WriteInt32BigEndian(header[4..], 0);
        BinaryPrimitives.WriteUInt32BigEndian(header[8..], rowType);
        BinaryPrimitives.WriteInt32BigEndian(header[16..], 1);
    }

    public int Count { get; private set; }

    internal ReadOnlyMemory<byte> Bytes
    {
        get
        {
            BinaryPrimitives.WriteInt32BigEndian(_buffer.AsSpan(12), Count);
            return _buffer.AsMemory(0, _length);
        }
    }

    public void BeginRow()
    {
        Ensure(8);
        _rowStart = _length;
        _length += 4;
        Int32(_fields);
        Count++;
    }

    public void EndRow() => BinaryPrimitives.WriteInt32BigEndian(_buffer.AsSpan(_rowStart), _length - _rowStart - 4);

    public void Long(long? value)
    {
        Ensure(16);
        Int32(20);
        if (value is { } number)
        {
            Int32(8);
            BinaryPrimitives.WriteInt64BigEndian(_buffer.AsSpan(_length), number);
            _length += 8;
        }
        else
        {
            Int32(-1);
        }
    }

    public void Int(int value)
    {
        Ensure(12);
        Int32(23);
        Int32(4);
        Int32(value);
    }

    public void Uuid(Guid value)
    {
        Ensure(24);
        Int32(2950);
        Int32(16);
        value.TryWriteBytes(_buffer.AsSpan(_length), bigEndian: true, out _);
        _length += 16;
    }

    /// <param name="utc">Kept to the microsecond.</param>
    public void Timestamp(DateTime utc)
    {
        Ensure(16);
        Int32(1184);
        Int32(8);
        BinaryPrimitives.WriteInt64BigEndian(_buffer.AsSpan(_length), (utc - Epoch).Ticks / TimeSpan.TicksPerMicrosecond);
        _length += 8;
    }

    /// <param name="value">Holds no zero character: PostgreSQL cannot store it as text.</param>
    public void Text(string? value)
    {
        Ensure(8 + (value is null ? 0 : Encoding.UTF8.GetMaxByteCount(value.Length)));
        Int32(25);
        if (value is null)
        {
            Int32(-1);
            return;
        }

        var written = Encoding.UTF8.GetBytes(value, _buffer.AsSpan(_length + 4));
        Int32(written);
        _length += written;
    }

    public void LongArray(ReadOnlySpan<long> values)
    {
        Ensure(28 + (12 * values.Length));
        Int32(1016);
        Int32(values.Length == 0 ? 12 : 20 + (12 * values.Length));
        Int32(values.Length == 0 ? 0 : 1);
        Int32(0);
        Int32(20);
        if (values.Length > 0)
        {
            Int32(values.Length);
            Int32(1);
            foreach (var value in values)
            {
                Int32(8);
                BinaryPrimitives.WriteInt64BigEndian(_buffer.AsSpan(_length), value);
                _length += 8;
            }
        }
    }

    /// <summary>PostgreSQL's numeric: digits to the base 10,000, the weight of the first, sign and display scale.</summary>
    public void Numeric(decimal? value)
    {
        Ensure(40);
        Int32(1700);
        if (value is not { } number)
        {
            Int32(-1);
            return;
        }

        var scale = (int)number.Scale;
        Span<int> bits = stackalloc int[4];
        decimal.GetBits(number, bits);
        var mantissa = (new UInt128(0, (uint)bits[2]) << 64) | ((UInt128)(uint)bits[1] << 32) | (uint)bits[0];
        for (var rest = scale % 4; rest is > 0 and < 4; rest++)
        {
            mantissa *= 10;
        }

        Span<short> digits = stackalloc short[12];
        var count = 0;
        for (; mantissa != 0; mantissa /= 10000)
        {
            digits[count++] = (short)(ushort)(mantissa % 10000);
        }

        Int32(8 + (2 * count));
        Int16((short)count);
        Int16((short)(count - 1 - ((scale + 3) / 4)));
        Int16((short)(decimal.IsNegative(number) && count > 0 ? 0x4000 : 0));
        Int16((short)scale);
        for (var i = count - 1; i >= 0; i--)
        {
            Int16(digits[i]);
        }
    }

    /// <summary>A bytea of known length, to be filled by the caller at once.</summary>
    public Span<byte> Bytea(int length)
    {
        Ensure(8 + length);
        Int32(17);
        Int32(length);
        _length += length;
        return _buffer.AsSpan(_length - length, length);
    }

    public void Null(uint type)
    {
        Ensure(8);
        Int32((int)type);
        Int32(-1);
    }

    public void Dispose()
    {
        if (_buffer.Length > 0)
        {
            ArrayPool<byte>.Shared.Return(_buffer);
            _buffer = [];
        }
    }

    private void Int32(int value)
    {
        BinaryPrimitives.WriteInt32BigEndian(_buffer.AsSpan(_length), value);
        _length += 4;
    }

    private void Int16(short value)
    {
        BinaryPrimitives.WriteInt16BigEndian(_buffer.AsSpan(_length), value);
        _length += 2;
    }

    private void Ensure(int more)
    {
        if (_length + more > _buffer.Length)
        {
            var grown = ArrayPool<byte>.Shared.Rent(Math.Max(_buffer.Length * 2, _length + more));
            _buffer.AsSpan(0, _length).CopyTo(grown);
            ArrayPool<byte>.Shared.Return(_buffer);
            _buffer = grown;
        }
    }
}

#pragma warning disable NPG9001 // Npgsql's converter interfaces may change between versions; the version is pinned and this file is all that uses them.

/// <summary>Lets <see cref="PostgresRows"/> be a parameter: its bytes are sent as they are, and the server takes the type from the cast.</summary>
internal sealed class PostgresRowsResolverFactory : PgTypeInfoResolverFactory
{
    public override IPgTypeInfoResolver CreateResolver() => new Resolver();

    public override IPgTypeInfoResolver? CreateArrayResolver() => null;

    private sealed class Resolver : IPgTypeInfoResolver
    {
        public PgTypeInfo? GetTypeInfo(Type? type, DataTypeName? dataTypeName, PgSerializerOptions options) =>
            type == typeof(PostgresRows) ? new PgTypeInfo(options, new Converter(), new PgTypeId(new Oid(0))) : null;
    }

    private sealed class Converter : PgStreamingConverter<PostgresRows>
    {
        public override Size GetSize(SizeContext context, PostgresRows value, ref object? writeState) => value.Bytes.Length;

        public override void Write(PgWriter writer, PostgresRows value) => writer.WriteBytes(value.Bytes.Span);

        public override ValueTask WriteAsync(PgWriter writer, PostgresRows value, CancellationToken cancellationToken = default) =>
            writer.WriteBytesAsync(value.Bytes, cancellationToken);

        public override PostgresRows Read(PgReader reader) => throw new NotSupportedException("Row arrays are only written.");

        public override ValueTask<PostgresRows> ReadAsync(PgReader reader, CancellationToken cancellationToken = default) =>
            throw new NotSupportedException("Row arrays are only written.");
    }
}
