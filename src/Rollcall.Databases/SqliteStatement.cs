using System.Text;
using SQLitePCL;

namespace Rollcall.Databases;

/// <summary>A prepared statement. Parameters count from 1, columns from 0. Spans of columns live until the next step or reset.</summary>
public sealed class SqliteStatement : IDisposable
{
    private readonly SqliteDb _db;
    private readonly sqlite3_stmt _statement;

    internal SqliteStatement(SqliteDb db, sqlite3_stmt statement)
    {
        _db = db;
        _statement = statement;
    }

    public SqliteStatement Bind(int parameter, long value) => Check(raw.sqlite3_bind_int64(_statement, parameter, value));

    /// <summary>Binds null for null.</summary>
    public SqliteStatement Bind(int parameter, long? value) => value is { } number ? Bind(parameter, number) : BindNull(parameter);

    public SqliteStatement BindBlob(int parameter, ReadOnlySpan<byte> value) =>
        Check(value.IsEmpty ? raw.sqlite3_bind_zeroblob(_statement, parameter, 0) : raw.sqlite3_bind_blob(_statement, parameter, value));

    /// <summary>Binds an id in its dashed form's byte order.</summary>
    public SqliteStatement Bind(int parameter, Guid value)
    {
        Span<byte> bytes = stackalloc byte[16];
        value.TryWriteBytes(bytes, bigEndian: true, out _);
        return BindBlob(parameter, bytes);
    }

    public SqliteStatement Bind(int parameter, UInt128 value)
    {
        Span<byte> bytes = stackalloc byte[16];
        System.Buffers.Binary.BinaryPrimitives.WriteUInt128BigEndian(bytes, value);
        return BindBlob(parameter, bytes);
    }

    public SqliteStatement BindText(int parameter, ReadOnlySpan<byte> utf8) => Check(raw.sqlite3_bind_text(_statement, parameter, utf8));

    /// <summary>Binds null for null.</summary>
    public SqliteStatement BindText(int parameter, string? value)
    {
        if (value is null)
        {
            return BindNull(parameter);
        }

        if (value.Length > 340)
        {
            return Check(raw.sqlite3_bind_text(_statement, parameter, value));
        }

        Span<byte> utf8 = stackalloc byte[1024];
        return BindText(parameter, utf8[..Encoding.UTF8.GetBytes(value, utf8)]);
    }

    public SqliteStatement BindNull(int parameter) => Check(raw.sqlite3_bind_null(_statement, parameter));

    /// <summary>Moves to the next row; false when there is none.</summary>
    public bool Step()
    {
        var code = raw.sqlite3_step(_statement);
        return code switch
        {
            raw.SQLITE_ROW => true,
            raw.SQLITE_DONE => false,
            _ => throw Failed(code),
        };
    }

    /// <summary>Runs a statement that returns no rows, and resets it.</summary>
    public void Run()
    {
        var code = raw.sqlite3_step(_statement);
        if (code is raw.SQLITE_DONE or raw.SQLITE_ROW)
        {
            raw.sqlite3_reset(_statement);
            return;
        }

        throw Failed(code);
    }

    /// <summary>Releases the row and its locks. Bound parameters stay.</summary>
    public void Reset() => raw.sqlite3_reset(_statement);

    public bool IsNull(int column) => raw.sqlite3_column_type(_statement, column) == raw.SQLITE_NULL;

    public long Long(int column) => raw.sqlite3_column_int64(_statement, column);

    public long? LongOrNull(int column) => IsNull(column) ? null : Long(column);

    public ReadOnlySpan<byte> Blob(int column) => raw.sqlite3_column_blob(_statement, column);

    public Guid Id(int column) => new(Blob(column), bigEndian: true);

    public UInt128 Hash(int column) => System.Buffers.Binary.BinaryPrimitives.ReadUInt128BigEndian(Blob(column));

    public string Text(int column) => raw.sqlite3_column_text(_statement, column).utf8_to_string() ?? "";

    public void Dispose() => _statement.Dispose();

    private SqliteFailureException Failed(int code)
    {
        var failure = _db.Failure(code);
        raw.sqlite3_reset(_statement);
        return failure;
    }

    private SqliteStatement Check(int code) => code == raw.SQLITE_OK ? this : throw _db.Failure(code);
}
