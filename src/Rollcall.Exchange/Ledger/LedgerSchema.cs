using Rollcall.Databases;

namespace Rollcall.Exchange.Ledger;

/// <summary>The ledger's tables; specified in <c>docs/formats/ledger.md</c>.</summary>
internal static class LedgerSchema
{
    /// <summary>"RcLg".</summary>
    public const int ApplicationId = 0x52634C67;

    public static IReadOnlyList<Migration> Migrations { get; } =
    [
        new(1, """
            create table profile(
              profile_id integer primary key, name text not null unique, target_url text not null, school_year integer,
              config_fingerprint blob, hash_version integer not null, next_doc_id integer not null, epoch integer not null, created_at text not null);
            create table resource(resource_id integer primary key, name text not null unique);
            create table run(
              run_id integer primary key, profile_id integer not null references profile, epoch integer not null, state text not null,
              approved_by text, started_at text not null, ended_at text, requests integer);
            create index run_profile_ix on run(profile_id, run_id);
            create table run_resource(
              run_id integer not null references run, resource_id integer not null references resource, scan_complete integer not null,
              scanned integer not null, same integer not null, posts integer not null, puts integer not null, key_changes integer not null,
              deletes integer not null, invalid integer not null, duplicates integer not null, blocked integer not null,
              failed integer not null, held integer not null, held_reason text, primary key(run_id, resource_id)) without rowid;
            create table doc(
              profile_id integer not null, resource_id integer not null, natural_key_hash blob not null,
              doc_id integer not null, full_record_hash blob, edfi_id blob, source_key text,
              status integer not null, intent_op integer, intent_key_hash blob, intent_record_hash blob, intent_run integer,
              attempts integer not null default 0, next_attempt_at integer, last_http integer, error_group_id integer,
              hash_version integer not null, changed_at integer not null,
              primary key(profile_id, resource_id, natural_key_hash)) without rowid;
            create index doc_source_ix on doc(profile_id, resource_id, source_key) where source_key is not null;
            create index doc_intent_ix on doc(profile_id, resource_id) where intent_op is not null;
            create table doc_payload(doc_id integer primary key, run_id integer not null, body blob not null);
            create table error_group(
              error_group_id integer primary key, profile_id integer not null, resource_id integer not null, kind text not null, http integer not null,
              problem_type text not null, message text not null, first_seen text not null, last_seen text not null,
              unique(profile_id, resource_id, kind, http, problem_type, message));
            """),
        new(2, $"""
            alter table profile add column source text;
            alter table run add column kind text not null default 'run';
            alter table run add column actor text;
            alter table run add column config_fingerprint blob;
            alter table doc add column blocked_resource integer;
            alter table doc add column blocked_key blob;
            create table doc_payload_2(profile_id integer not null, doc_id integer not null, run_id integer not null, body blob not null, primary key(profile_id, doc_id)) without rowid;
            insert into doc_payload_2 select d.profile_id, p.doc_id, p.run_id, p.body from doc_payload p join doc d on d.doc_id = p.doc_id
              where d.profile_id = (select min(profile_id) from doc x where x.doc_id = p.doc_id);
            drop table doc_payload;
            alter table doc_payload_2 rename to doc_payload;
            {More}
            create index run_profile_2_ix on run(profile_id, kind, run_id);
            """),
        new(3, "create index doc_blocked_ix on doc(profile_id, resource_id) where status = 3"),
        new(4, "alter table profile add column hash_from integer"),
        new(5, DocumentIdIndex),
    ];

    /// <summary>Finds what else has an id of the target.</summary>
    public const string DocumentIdIndex = "create index doc_id_ix on doc(profile_id, resource_id, edfi_id) where edfi_id is not null";

    /// <summary>The tables that the second format added, as both databases have them but for the types of columns.</summary>
    private const string More = """
            create table error_group_2(
              profile_id integer not null, error_group_id integer not null, resource_id integer not null, kind text not null, http integer not null,
              problem_type text not null, message text not null, owner text not null, first_seen text not null, last_seen text not null,
              primary key(profile_id, error_group_id)) without rowid;
            insert into error_group_2 select profile_id, error_group_id, resource_id, kind, http, problem_type, message, 'vendor', first_seen, last_seen from error_group;
            drop table error_group;
            alter table error_group_2 rename to error_group;
            create table finding(
              profile_id integer not null, resource_id integer not null, finding_no integer not null, kind text not null, path text not null, text text not null,
              rows integer not null, schools integer not null, owner text not null, run_id integer not null,
              primary key(profile_id, resource_id, finding_no)) without rowid;
            create table finding_row(
              profile_id integer not null, resource_id integer not null, finding_no integer not null, source_key text not null,
              primary key(profile_id, resource_id, finding_no, source_key)) without rowid;
            create table change_log(
              profile_id integer not null, run_id integer not null, seq integer not null, at text not null, resource_id integer not null, doc_id integer not null,
              op integer not null, edfi_id blob, key_hash blob not null, before_hash blob, after_hash blob, http integer not null, error_group_id integer, actor text,
              primary key(profile_id, run_id, seq)) without rowid;
            create index change_log_doc_ix on change_log(profile_id, resource_id, doc_id);
            create table ownership(profile_id integer not null, resource_id integer not null, how text not null, primary key(profile_id, resource_id)) without rowid;
            create table source_position(profile_id integer not null, stream text not null, position text not null, updated_at text not null, primary key(profile_id, stream)) without rowid;
            create table dirty(profile_id integer not null, resource_id integer not null, source_key text not null, since text not null, primary key(profile_id, resource_id, source_key)) without rowid;
            create table stored_plan(
              profile_id integer not null, run_id integer not null, plan_id integer not null, resource_id integer not null, op integer not null, stage integer not null,
              key_hash blob not null, other_key blob, record_hash blob, doc_id integer, edfi_id blob, source_key text, body blob, in_doubt integer not null,
              primary key(profile_id, run_id, plan_id)) without rowid;
            """;

    /// <summary>Which bodies are removed when their time is over: those of documents that the target has acknowledged.</summary>
    public static string PrunedBodies(string profile, string before, string schema) => $"""
        profile_id = {profile} and run_id in (select run_id from {schema}run where profile_id = {profile} and started_at < {before})
        and doc_id in (select doc_id from {schema}doc where profile_id = {profile} and status = {(int)DocStatus.Synced} and intent_op is null)
        """;

    /// <summary>The plan of a run, in a database of its own that vanishes with the connection: it needs no durability, and a dry run leaves nothing.
    /// <c>other_key</c> is, for a key change and for a post that takes another document's place, the key that the document has had; for a
    /// delete of a replaced document, the key of its successor. <c>in_doubt</c>: an earlier call of the document has no answer.</summary>
    public const string Plan = """
        attach database '' as work;
        pragma work.journal_mode = off;
        pragma work.cache_size = -32768;
        create table work.plan(
          plan_id integer primary key, resource_id integer not null, op integer not null, stage integer not null, state integer not null,
          key_hash blob not null, other_key blob, record_hash blob, doc_id integer, edfi_id blob, source_key text, body blob, in_doubt integer not null default 0);
        create unique index work.plan_key_ix on plan(resource_id, key_hash);
        create index work.plan_stage_ix on plan(state, stage);
        create index work.plan_source_ix on plan(resource_id, source_key) where source_key is not null and op in (1, 6, 7, 9, 10);
        create table work.gone(
          resource_id integer not null, key_hash blob not null, doc_id integer not null, edfi_id blob, source_key text, replaced_by blob,
          primary key(resource_id, key_hash)) without rowid;
        create index work.gone_source_ix on gone(resource_id, source_key) where source_key is not null;
        """;
}

/// <summary>Where a document stands; the numbers are part of the ledger's format.</summary>
public enum DocStatus
{
    New = 0,
    Synced = 1,
    Failed = 2,
    Blocked = 3,
    Invalid = 4,
    Held = 5,
    Duplicate = 6,

    /// <summary>Another document has taken its place (a key change that the target could not make): deleted once that one is there.</summary>
    Replaced = 7,
}

/// <summary>The call that is in doubt while <c>intent_op</c> is set; the numbers are part of the ledger's format.</summary>
public enum IntentOp
{
    Post = 1,
    Put = 2,
    KeyChange = 3,
    Delete = 4,
}

/// <summary>What a plan does with a document. The first four are <see cref="IntentOp"/>'s calls; the others make none.</summary>
internal enum PlanOp
{
    Post = 1,
    Put = 2,
    KeyChange = 3,
    Delete = 4,

    /// <summary>The document is as the row says; only what the ledger notes beside it changes.</summary>
    Link = 5,

    /// <summary>The row is no valid document.</summary>
    Invalid = 6,

    /// <summary>Several rows have the key.</summary>
    Duplicate = 7,

    /// <summary>The row is gone and the target never had the document.</summary>
    Forget = 8,

    /// <summary>The row's key changed and somebody must decide.</summary>
    Held = 9,

    /// <summary>The target refused exactly this document not long ago.</summary>
    Waiting = 10,

    /// <summary>The same as <see cref="Delete"/>, held by the guard.</summary>
    DeleteHeld = 11,
}

/// <summary>How far a planned operation has come.</summary>
internal enum PlanState
{
    Pending = 0,
    Sent = 1,
    Done = 2,
    Failed = 3,

    /// <summary>Refused because something else is not there yet; sent again later in the run.</summary>
    Deferred = 4,

    /// <summary>Not sent, because the document that it refers to is not at the target.</summary>
    Blocked = 5,
}
