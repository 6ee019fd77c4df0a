using Npgsql;
using Rollcall.Databases;
using Rollcall.Standard.Documents;
using Rollcall.Standard.Model;

namespace Rollcall.Serve.Storage.Postgres;

/// <summary>What the database's errors mean here.</summary>
internal static class Errors
{
    /// <summary>Raised by <c>rollcall.require</c>: something that the writer had read before its transaction has changed.</summary>
    public const string NoLongerTrue = "RC001";

    /// <summary>Whether the write may go through, or get a proper answer, when it is tried again from the start.</summary>
    public static bool IsRepeatable(PostgresException e) =>
        PostgresDatabase.IsConflict(e) || e.SqlState is PostgresErrorCodes.ForeignKeyViolation or PostgresErrorCodes.UniqueViolation or NoLongerTrue;

    /// <summary>The document's reference whose foreign key was violated, by the constraint's name; null when it is none of its own.</summary>
    public static ReferenceValue? MissingReference(PostgresException e, ResourceModel resource, Document? document)
    {
        if (e.SqlState != PostgresErrorCodes.ForeignKeyViolation || document is null)
        {
            return null;
        }

        foreach (var reference in document.References)
        {
            if (TableModel.ForeignKeyOf(new Referrer(resource, reference.Model)) == e.ConstraintName)
            {
                return reference;
            }
        }

        return null;
    }

    public static StoreUnavailableException Unavailable(Exception e) =>
        e as StoreUnavailableException ?? new StoreUnavailableException("The PostgreSQL server cannot be reached, or does not answer in time.", e);

    /// <summary>Runs something that talks to the database, and says <see cref="StoreUnavailableException"/> when that is what happened.</summary>
    public static async Task<T> GuardAsync<T>(Func<Task<T>> action)
    {
        try
        {
            return await action();
        }
        catch (Exception e) when (PostgresDatabase.IsUnavailable(e))
        {
            throw Unavailable(e);
        }
    }
}
