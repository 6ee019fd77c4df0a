using SQLitePCL;

namespace Rollcall.Databases;

/// <summary>What SQLite answered instead of success. The message names tables and columns, never values.</summary>
/// <param name="extendedCode">SQLite's extended result code; its low byte is the primary one.</param>
public sealed class SqliteFailureException(int extendedCode, string message) : Exception($"SQLite {extendedCode}: {message}")
{
    public int ExtendedCode { get; } = extendedCode;

    public int Code => ExtendedCode & 0xff;

    /// <summary>Another document refers to the row, or the row refers to none.</summary>
    public bool IsForeignKey => ExtendedCode == raw.SQLITE_CONSTRAINT_FOREIGNKEY;

    public bool IsConstraint => Code == raw.SQLITE_CONSTRAINT;

    /// <summary>Another process held the database's lock for longer than the busy timeout.</summary>
    public bool IsLocked => Code is raw.SQLITE_BUSY or raw.SQLITE_LOCKED;

    /// <summary>The statement itself can't be run: it names what is not there, or a function failed.</summary>
    public bool IsStatement => Code == raw.SQLITE_ERROR;

    public bool IsDiskFull => Code == raw.SQLITE_FULL;

    /// <summary>The file is no SQLite database, is damaged, or cannot be opened.</summary>
    public bool IsUnusableFile => Code is raw.SQLITE_NOTADB or raw.SQLITE_CORRUPT or raw.SQLITE_CANTOPEN or raw.SQLITE_READONLY or raw.SQLITE_PERM;
}
