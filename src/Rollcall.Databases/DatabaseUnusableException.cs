namespace Rollcall.Databases;

/// <summary>The database cannot be used as it is: not a database, another program's, a newer Rollcall's, another data model's.
/// The message says which and what to do; the command line answers with its configuration exit code.</summary>
public sealed class DatabaseUnusableException(string message, Exception? inner = null) : Exception(message, inner);
