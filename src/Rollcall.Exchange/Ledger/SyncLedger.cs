using System.Globalization;
using Rollcall.Databases;

namespace Rollcall.Exchange.Ledger;

/// <summary>Remembers, per document of one profile, what the target has acknowledged and what is in doubt.</summary>
public sealed class SyncLedger : IDisposable
{
    public const int HashVersion = 1;
    private readonly ILedgerHome _home;
    private readonly TimeProvider _time;
    private readonly SqliteStatement _saveCounter;
    private readonly Dictionary<long, IReadOnlyList<OlderHash>> _older = [];
    private readonly Dictionary<string, int> _resources = new(StringComparer.Ordinal);
    private long _nextDocId;
    private long _savedDocId;
    private long _nextSeq;
    private long? _hashFrom;

    private SyncLedger(ILedgerHome home, TimeProvider time)
    {
        (_home, _time) = (home, time);
        _saveCounter = Db.Prepare("update profile set next_doc_id = ? where profile_id = ?");
    }

    internal SqliteDb Db => _home.Db;

    internal long ProfileId { get; private set; }

    /// <summary>Rises with every run.</summary>
    public long Epoch { get; private set; }

    internal long RunId { get; private set; }

    /// <summary>Who or what began the run.</summary>
    internal string? Actor { get; private set; }

    internal byte[]? ConfigFingerprint { get; private set; }

    /// <summary>For messages; without a password.</summary>
    public string Name => _home.Name;

    /// <summary>Whether the profile was not in the ledger before it was opened.</summary>
    public bool IsNew { get; private set; }

    /// <summary>How long this process may still rely on being the only one; null for as long as it lives.</summary>
    internal TimeSpan? Left => _home.Left;

    /// <summary>The body of a document stays when the target has acknowledged it.</summary>
    internal bool KeepsPayloads { get; set; }

    /// <summary>New documents are noted only when their calls are answered: for a benchmark, to say what intents cost. A killed run leaves orphans.</summary>
    internal bool SkipsIntents { get; set; }

    /// <summary>Told at every step that a killed process may not reach; tests end runs there.</summary>
    internal Action<string>? Probe { get; set; }

    /// <summary>Whether a ledger setting names a PostgreSQL database rather than a file.</summary>
    public static bool IsPostgres(string ledger) => ledger.Contains("Host=", StringComparison.OrdinalIgnoreCase)
        || ledger.Contains("Server=", StringComparison.OrdinalIgnoreCase);

    /// <param name="ledger">The path of a file, or a PostgreSQL connection string.</param>
    /// <param name="mayMake">A profile that the ledger does not know is added to it, and a file that is not there is made.</param>
    /// <exception cref="LedgerException">Another process uses the ledger, it was made for another target, or it is not there and must be.</exception>
    /// <exception cref="DatabaseUnusableException">The file is no ledger, or a newer Rollcall's.</exception>
    public static SyncLedger Open(string ledger, string profile, string targetUrl, int? schoolYear, TimeProvider time, bool mayMake = true)
    {
        if (!mayMake && !IsPostgres(ledger) && !File.Exists(ledger))
        {
            throw new LedgerException($"there is no ledger {ledger}: nothing has been synced yet, or it is another that was meant.", isBusy: false);
        }

        ILedgerHome home = IsPostgres(ledger) ? PostgresLedger.Open(ledger, mayMake) : FileLedger.Open(ledger);
        try
        {
            var known = home.FindProfile(profile);
            if (known is null && !mayMake)
            {
                throw new LedgerException($"the ledger {home.Name} knows no profile {profile}: nothing has been synced yet, or it is another that was meant.", isBusy: false);
            }

            var id = known ?? home.NewNumber("profile", profile);
            home.Take(id);
            home.Db.Execute(LedgerSchema.Plan);
            var opened = new SyncLedger(home, time) { ProfileId = id };
            opened.OpenProfile(profile, targetUrl.TrimEnd('/'), schoolYear);
            return opened;
        }
        catch
        {
            home.Dispose();
            throw;
        }
    }

    /// <summary>Opens a profile that is known, whatever its target is: for what the ledger can do alone.</summary>
    public static SyncLedger OpenExisting(string ledger, string profile, TimeProvider time)
    {
        ILedgerHome home = IsPostgres(ledger) ? PostgresLedger.Open(ledger) : FileLedger.Open(ledger);
        try
        {
            var id = home.FindProfile(profile) ?? throw new LedgerException($"the ledger {home.Name} knows no profile {profile}.", isBusy: false);
            home.Take(id);
            home.Db.Execute(LedgerSchema.Plan);
            return new SyncLedger(home, time) { ProfileId = id };
        }
        catch
        {
            home.Dispose();
            throw;
        }
    }

    private void OpenProfile(string name, string targetUrl, int? schoolYear)
    {
        using var find = Db.Prepare("select target_url, school_year, config_fingerprint, next_doc_id, epoch, hash_version, hash_from from profile where profile_id = ?");
        if (find.Bind(1, ProfileId).Step())
        {
            if (find.Text(0) != targetUrl || find.LongOrNull(1) != schoolYear)
            {
                throw new LedgerException(
                    $"the ledger {_home.Name} remembers the profile {name} at {find.Text(0)}{Year(find.LongOrNull(1))}, not at {targetUrl}{Year(schoolYear)}. "
                    + "Another target or year needs another profile name or ledger: what the ledger knows to be there is not there.", isBusy: false);
            }

            ConfigFingerprint = find.IsNull(2) ? null : find.Blob(2).ToArray();
            _nextDocId = _savedDocId = find.Long(3);
            Epoch = find.Long(4);
            var (hashes, from) = (find.Long(5), find.LongOrNull(6));
            find.Reset();
            OpenHashes(name, hashes, from);
            return;
        }

        find.Reset();
        using var add = Db.Prepare("""
            insert into profile(profile_id, name, target_url, school_year, hash_version, next_doc_id, epoch, created_at) values(?, ?, ?, ?, ?, 1, 0, ?)
            """);
        Commit(() => add.Bind(1, ProfileId).BindText(2, name).BindText(3, targetUrl).Bind(4, schoolYear).Bind(5, (long)HashVersion).BindText(6, Now()).Run());
        _nextDocId = _savedDocId = 1;
        IsNew = true;

        static string Year(long? year) => year is { } y ? string.Create(CultureInfo.InvariantCulture, $" for {y}") : "";
    }

    private void OpenHashes(string name, long version, long? from)
    {
        if (version > HashVersion)
        {
            throw new LedgerException($"the ledger {_home.Name} has hashes of version {version} for the profile {name}; this Rollcall knows {HashVersion} and older ones. Use a newer Rollcall.", isBusy: false);
        }

        _hashFrom = version < HashVersion ? Math.Min(version, from ?? version) : from;
        if (version < HashVersion)
        {
            // From here on an older Rollcall must keep away: it would take the rows that get new hashes for new documents.
            using var mark = Db.Prepare("update profile set hash_version = ?2, hash_from = ?3 where profile_id = ?1");
            Commit(() => mark.Bind(1, ProfileId).Bind(2, (long)HashVersion).Bind(3, _hashFrom).Run());
        }
    }

    /// <summary>The older versions of which a resource still has rows; hardly ever any.</summary>
    /// <exception cref="LedgerException">One that this build cannot compute.</exception>
    internal IReadOnlyList<OlderHash> OlderIn(long resourceId)
    {
        if (_hashFrom is null)
        {
            return [];
        }

        if (_older.TryGetValue(resourceId, out var known))
        {
            return known;
        }

        var found = new List<OlderHash>();
        using var versions = Db.Prepare($"select distinct hash_version from doc where profile_id = ?1 and resource_id = ?2 and hash_version < {HashVersion} order by 1 desc");
        for (versions.Bind(1, ProfileId).Bind(2, resourceId); versions.Step();)
        {
            var version = versions.Long(0);
            found.Add(OlderHash.All.FirstOrDefault(o => o.Version == version) ?? throw new LedgerException(
                $"the ledger {_home.Name} has hashes of version {version}, which this Rollcall cannot compute any more: let a Rollcall of the time between bring it up to date.", isBusy: false));
        }

        return _older[resourceId] = found;
    }

    /// <summary>Opens the run's record; from here on its epoch is the profile's.</summary>
    /// <param name="kind">The verb: <c>run</c>, <c>retry</c>, …</param>
    /// <param name="actor">Who or what began it.</param>
    internal void BeginRun(string? approvedBy, string kind = "run", string? actor = null)
    {
        Epoch++;
        (Actor, _nextSeq) = (actor, 0);
        using var bump = Db.Prepare("update profile set epoch = ? where profile_id = ?");
        using var add = Db.Prepare("insert into run(run_id, profile_id, epoch, state, approved_by, started_at, kind, actor) values(?, ?, ?, 'running', ?, ?, ?, ?)");
        Commit(() =>
        {
            RunId = _home.NewNumber("run", null);
            bump.Bind(1, Epoch).Bind(2, ProfileId).Run();
            add.Bind(1, RunId).Bind(2, ProfileId).Bind(3, Epoch).BindText(4, approvedBy).BindText(5, Now()).BindText(6, kind).BindText(7, actor).Run();
        });
    }

    /// <summary>Closes the run's record.</summary>
    /// <param name="fingerprint">What the mapping was, once its deletes are no longer in question; null to keep the one before.</param>
    internal void EndRun(string state, long requests, byte[]? fingerprint)
    {
        using var end = Db.Prepare("update run set state = ?, ended_at = ?, requests = ? where run_id = ?");
        using var upgraded = Db.Prepare("update profile set hash_from = null where profile_id = ?1");
        using var profile = Db.Prepare("update profile set config_fingerprint = coalesce(?, config_fingerprint) where profile_id = ?");
        Commit(() =>
        {
            end.BindText(1, state).BindText(2, Now()).Bind(3, requests).Bind(4, RunId).Run();
            _ = fingerprint is null ? profile.BindNull(1) : profile.BindBlob(1, fingerprint);
            profile.Bind(2, ProfileId).Run();
            if (_hashFrom is not null && Db.Number(string.Create(CultureInfo.InvariantCulture,
                $"select exists(select 1 from doc where profile_id = {ProfileId} and hash_version < {HashVersion})")) == 0)
            {
                upgraded.Bind(1, ProfileId).Run();
            }
        });
        ConfigFingerprint = fingerprint ?? ConfigFingerprint;
    }

    /// <summary>Removes what is kept for the record from before a time.</summary>
    internal void Prune(int keepDays) =>
        _home.Prune(ProfileId, _time.GetUtcNow().AddDays(-keepDays).UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture));

    /// <summary>The ledger's number for a resource.</summary>
    internal int ResourceId(string name)
    {
        if (_resources.TryGetValue(name, out var id))
        {
            return id;
        }

        id = (int)_home.NewNumber("resource", name);
        using var add = Db.Prepare("insert into resource(resource_id, name) values(?, ?) on conflict do nothing");
        add.Bind(1, (long)id).BindText(2, name).Run();
        var view = LedgerView.NameOf(name).Replace("\"", "\"\"", StringComparison.Ordinal);
        Db.Execute($"create view if not exists \"{view}\" as {LedgerView.Select(id, "")}");
        return _resources[name] = id;
    }

    internal long NextDocId() => _nextDocId++;

    /// <summary>The next place in the run's part of the audit trail.</summary>
    internal long NextSeq() => _nextSeq++;

    /// <summary>See <see cref="ILedgerHome.LoadMore"/>.</summary>
    internal void LoadMore(string table, string condition) => _home.LoadMore(table, condition);

    /// <summary>Runs <paramref name="write"/> in one durable transaction.</summary>
    internal void Commit(Action write)
    {
        Db.Execute("begin immediate");
        try
        {
            write();
            if (_nextDocId != _savedDocId)
            {
                _saveCounter.Bind(1, _nextDocId).Bind(2, ProfileId).Run();
            }

            _home.Publish();
            Db.Execute("commit");
            _savedDocId = _nextDocId;
        }
        catch
        {
            Db.Rollback();
            throw;
        }
    }

    internal string Now() => _time.GetUtcNow().UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);

    internal long NowMilliseconds() => _time.GetUtcNow().ToUnixTimeMilliseconds();

    public void Dispose()
    {
        _saveCounter.Dispose();
        _home.Dispose();
    }
}

/// <summary>The ledger cannot be used for this run.</summary>
/// <param name="isBusy">Another process has it; the same run may succeed later.</param>
public sealed class LedgerException(string message, bool isBusy, Exception? inner = null) : Exception(message, inner)
{
    public bool IsBusy { get; } = isBusy;
}
