namespace Rollcall.Exchange.Sync.Mapping;

/// <summary>A <c>profile.yaml</c> as its user wrote it, with <c>${env:…}</c> and <c>${file:…}</c> already replaced.</summary>
public sealed record SyncProfile
{
    /// <summary>Names the source, target and year that the ledger remembers; the folder's name when unset.</summary>
    public required string Name { get; init; }

    public required SourceConfig Source { get; init; }

    public required TargetConfig Target { get; init; }

    /// <summary>Wildcards over resource names; empty means all files of the folder.</summary>
    public IReadOnlyList<string> Include { get; init; } = [];

    public IReadOnlyList<string> Exclude { get; init; } = [];

    /// <summary>The choice of identifiers: <c>studentUniqueId</c> to the word that the queries read as <c>:identity_studentUniqueId</c>.</summary>
    public IReadOnlyDictionary<string, string> Identity { get; init; } = new Dictionary<string, string>();

    public DeletesConfig Deletes { get; init; } = new();

    /// <summary>How <c>watch</c> learns of changes; null when the profile does not say.</summary>
    public ChangesConfig? Changes { get; init; }

    public AuditConfig Audit { get; init; } = new();

    /// <summary>The ledger: a file, <c>ledger.db</c> in the folder when unset, or a PostgreSQL connection string.</summary>
    public required string LedgerPath { get; init; }
}

/// <summary>What the ledger keeps of what was sent.</summary>
public sealed record AuditConfig
{
    /// <summary>The last body of every document, not only of those that were refused or have no answer.</summary>
    public bool KeepsAllPayloads { get; init; }

    /// <summary>Lines of the trail, and bodies of acknowledged documents, are removed when they are older.</summary>
    public int KeepDays { get; init; } = 400;
}

public enum SisProvider
{
    Sqlite,
    Postgres,

    /// <summary>A folder of CSV and NDJSON files, each a table.</summary>
    Files,

    /// <summary>Any other database, through an ADO.NET provider of the <c>providers</c> folder.</summary>
    Ado,
}

/// <param name="Connection">A connection string, or for SQLite the path of the file.</param>
/// <param name="Parameters">What the queries read as <c>:name</c>: text or whole numbers.</param>
public sealed record SourceConfig(SisProvider Provider, string Connection, IReadOnlyDictionary<string, object> Parameters)
{
    /// <summary>The invariant name of the ADO.NET provider, such as <c>Microsoft.Data.SqlClient</c>; null when the database is built in.</summary>
    public string? AdoProvider { get; init; }

    /// <summary>How that database writes its SQL.</summary>
    public string Dialect { get; init; } = "standard";

    /// <summary>Without the connection string, which may hold a password.</summary>
    public override string ToString() => $"{Provider}";
}

public enum ChangeMethod
{
    /// <summary>PostgreSQL's logical replication.</summary>
    Logical,

    /// <summary>Triggers that write into a table of ours.</summary>
    Outbox,

    /// <summary>SQL Server's Change Tracking.</summary>
    ChangeTracking,

    /// <summary>Looking: the resources whose signature has changed, and those without one, are read every time.</summary>
    Poll,
}

/// <param name="Connection">The primary, where changes are; the source's own when unset.</param>
/// <param name="Every">How often is looked; replication needs no looking.</param>
/// <param name="FullScanEvery">How often everything is read, whatever the changes said.</param>
public sealed record ChangesConfig(ChangeMethod Method, string? Connection, TimeSpan Every, TimeSpan FullScanEvery)
{
    /// <summary>How far below the latest <c>@changed</c> rows are read again: transactions commit later than they write their time.</summary>
    public TimeSpan Overlap { get; init; } = TimeSpan.FromMinutes(5);
}

/// <param name="MaxConcurrency">Ceiling of requests in flight; null for the client's own.</param>
/// <param name="MaxRequestsPerSecond">Ceiling of requests that begin in a second; null for none.</param>
public sealed record TargetConfig(string Url, string Key, string Secret, int? SchoolYear, int? MaxConcurrency, int? MaxRequestsPerSecond = null)
{
    /// <summary>Without key and secret.</summary>
    public override string ToString() => Url;
}

/// <summary>What may become of a document whose row is gone.</summary>
public enum DeletePolicy
{
    /// <summary>Deleted, unless the run's deletes of the resource look like a broken extract.</summary>
    Guarded,

    Never,

    /// <summary>Deleted without looking at how many there are.</summary>
    Always,
}

/// <summary>When deletes happen, and when they look so many that somebody must approve them first.</summary>
public sealed record DeletesConfig
{
    public DeletePolicy Default { get; init; } = DeletePolicy.Guarded;

    /// <summary>Keyed by <c>ns/endpoint</c>.</summary>
    public IReadOnlyDictionary<string, DeletePolicy> PerResource { get; init; } = new Dictionary<string, DeletePolicy>();

    /// <summary>Deletes are held from this share of the known documents of a resource…</summary>
    public decimal HoldPercent { get; init; } = 5;

    /// <summary>…when they are also at least this many.</summary>
    public int HoldAndAtLeast { get; init; } = 25;

    /// <summary>Whether a query without any row holds the deletes of its resource.</summary>
    public bool HoldZeroRows { get; init; } = true;
}
