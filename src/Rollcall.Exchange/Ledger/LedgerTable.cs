namespace Rollcall.Exchange.Ledger;

/// <summary>How a column of the ledger is kept: SQLite's type and PostgreSQL's.</summary>
internal enum LedgerColumn
{
    Number,
    Text,

    /// <summary>16 bytes: a hash or an id; in PostgreSQL a uuid, its smallest type of that size.</summary>
    Hash,
    Bytes,
}

/// <summary>One table of the ledger, told once for both databases: what the working copy of a ledger in PostgreSQL is filled from and written back to.</summary>
/// <param name="KeyColumns">How many of the first columns are the primary key.</param>
/// <param name="Load">Which rows of the profile a run needs in its working copy; null for none.</param>
internal sealed record LedgerTable(string Name, int KeyColumns, (string Name, LedgerColumn Kind)[] Columns, string? Load)
{
    private const string OfProfile = "profile_id = @profile";

    /// <summary>In the order in which they are written.</summary>
    public static IReadOnlyList<LedgerTable> All { get; } =
    [
        Of("profile", 1, OfProfile, "profile_id:n name target_url school_year:n config_fingerprint:b hash_version:n next_doc_id:n epoch:n created_at source hash_from:n"),
        Of("resource", 1, "true", "resource_id:n name"),
        // Runs of all profiles share their numbers: its last 200 runs can lie anywhere.
        Of("run", 1, OfProfile + " and run_id in (select run_id from sync.run where profile_id = @profile order by run_id desc limit 200)",
            "run_id:n profile_id:n epoch:n state approved_by started_at ended_at requests:n kind actor config_fingerprint:b"),
        Of("run_resource", 2, "run_id in (select run_id from sync.run where profile_id = @profile order by run_id desc limit 20)",
            "run_id:n resource_id:n scan_complete:n scanned:n same:n posts:n puts:n key_changes:n deletes:n invalid:n duplicates:n blocked:n failed:n held:n held_reason"),
        Of("error_group", 2, OfProfile, "profile_id:n error_group_id:n resource_id:n kind http:n problem_type message owner first_seen last_seen"),
        Of("doc", 3, OfProfile, """
            profile_id:n resource_id:n natural_key_hash:h doc_id:n full_record_hash:h edfi_id:h source_key status:n intent_op:n intent_key_hash:h
            intent_record_hash:h intent_run:n attempts:n next_attempt_at:n last_http:n error_group_id:n hash_version:n changed_at:n blocked_resource:n blocked_key:h
            """),
        Of("doc_payload", 2, OfProfile, "profile_id:n doc_id:n run_id:n body:b"),
        Of("finding", 3, OfProfile, "profile_id:n resource_id:n finding_no:n kind path text rows:n schools:n owner run_id:n"),
        Of("finding_row", 4, OfProfile, "profile_id:n resource_id:n finding_no:n source_key"),
        Of("change_log", 3, null, "profile_id:n run_id:n seq:n at resource_id:n doc_id:n op:n edfi_id:h key_hash:h before_hash:h after_hash:h http:n error_group_id:n actor"),
        Of("ownership", 2, OfProfile, "profile_id:n resource_id:n how"),
        Of("source_position", 2, OfProfile, "profile_id:n stream position updated_at"),
        Of("dirty", 3, OfProfile, "profile_id:n resource_id:n source_key since"),
        Of("stored_plan", 3, OfProfile,
            "profile_id:n run_id:n plan_id:n resource_id:n op:n stage:n key_hash:h other_key:h record_hash:h doc_id:n edfi_id:h source_key body:b in_doubt:n"),
    ];

    public IEnumerable<string> Names => Columns.Select(c => c.Name);

    public IEnumerable<string> Keys => Names.Take(KeyColumns);

    public static string PostgresType(LedgerColumn kind) => kind switch
    {
        LedgerColumn.Number => "bigint",
        LedgerColumn.Text => "text",
        LedgerColumn.Hash => "uuid",
        LedgerColumn.Bytes => "bytea",
        _ => throw new ArgumentOutOfRangeException(nameof(kind)),
    };

    private static LedgerTable Of(string name, int keys, string? load, string columns) => new(
        name, keys,
        [.. columns.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).Select(c => c.Split(':')).Select(c => (c[0], c.Length == 1 ? LedgerColumn.Text : c[1] switch
        {
            "n" => LedgerColumn.Number,
            "h" => LedgerColumn.Hash,
            _ => LedgerColumn.Bytes,
        }))],
        load);
}
