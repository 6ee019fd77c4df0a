using Rollcall.Databases;

namespace Rollcall.Exchange.Ledger;

/// <summary>Where a ledger lives: what differs between a file of its own and a PostgreSQL database that many profiles and machines share.
/// Either way the run works on <see cref="Db"/> with one set of statements.</summary>
internal interface ILedgerHome : IDisposable
{
    /// <summary>The tables of the ledger, with at least everything of this profile.</summary>
    SqliteDb Db { get; }

    /// <summary>For messages; without a password.</summary>
    string Name { get; }

    /// <summary>The number of a profile; null when it is new.</summary>
    long? FindProfile(string name);

    /// <summary>Takes the profile for this process until <see cref="IDisposable.Dispose"/>, and fills <see cref="Db"/>.</summary>
    /// <exception cref="LedgerException">Another run has it.</exception>
    void Take(long profileId);

    /// <summary>A number for a new profile, resource or run, that nobody else gets.</summary>
    /// <param name="name">Of the profile or resource; an existing one keeps its number.</param>
    long NewNumber(string table, string? name);

    /// <summary>Called inside the transaction on <see cref="Db"/>, before it is committed: makes it durable and refuses it once another process has taken over.</summary>
    /// <exception cref="LedgerException">Another run has taken over, or the database is away.</exception>
    void Publish();

    /// <summary>Removes lines of the audit trail, and bodies that belong to no refusal and no doubt, from before a time.</summary>
    /// <param name="before">As the ledger writes times.</param>
    void Prune(long profileId, string before);

    /// <summary>How long this process may still rely on being alone; null for as long as it lives.</summary>
    TimeSpan? Left { get; }

    /// <summary>Fills <see cref="Db"/> with rows that <see cref="Take"/> left out.</summary>
    /// <param name="condition">SQL over the columns of the table; the profile is added.</param>
    void LoadMore(string table, string condition);
}
