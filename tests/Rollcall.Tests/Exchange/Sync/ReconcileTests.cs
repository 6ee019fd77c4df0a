using System.Text;
using Rollcall.Exchange.Client;
using Rollcall.Exchange.Ledger;
using Rollcall.Exchange.Sync;
using Rollcall.Exchange.Sync.Mapping;
using Rollcall.Standard.Keys;
using Rollcall.Standard.Loading;
using Rollcall.Standard.Model;

namespace Rollcall.Tests.Exchange.Sync;

/// <summary>Reconcile against a pure function over random histories: inserts, edits, key changes, swaps, keys used again, rows made again under
/// a new row number, duplicates, invalid rows, deletes.</summary>
public sealed class ReconcileTests
{
    private sealed record Row(string Source, int Key, int Content, bool IsValid);

    /// <param name="IsMarked">Its row was no valid document when it was last looked at.</param>
    private sealed record Doc(int Key, int Content, string? Source, bool IsMarked = false);

    /// <summary>What a plan says, in a form that can be compared: the operation, the key, and for a key change or replacement the other key.</summary>
    private sealed record Decision(string Op, int Key, int? Other);

    [Theory]
    [InlineData("studentSchoolAssociations", KeyChangePolicy.Default)]
    [InlineData("studentSchoolAttendanceEvents", KeyChangePolicy.Default)]
    [InlineData("students", KeyChangePolicy.Default)]
    [InlineData("students", KeyChangePolicy.Auto)]
    public void Every_decision_is_the_oracles_and_the_ledger_ends_as_the_source(string endpoint, KeyChangePolicy policy)
    {
        Histories(endpoint, policy, LongRun.IsOn ? 400 : 25, null);
    }

    /// <param name="ledger">Names the ledger of a history by its seed; null for a file.</param>
    internal static void Histories(string endpoint, KeyChangePolicy policy, int histories, string? ledger)
    {
        var seen = new Dictionary<string, int>();
        for (var seed = 1; seed <= histories; seed++)
        {
            History(CompactModelReader.EdFi52.Core(endpoint), policy, seed, seen, ledger);
        }

        var ways = policy == KeyChangePolicy.Auto || endpoint != "students" ? new[] { "Post", "Put", "Delete", "Link", "Duplicate", "Invalid", endpoint == "studentSchoolAssociations" ? "KeyChange" : "Replace" }
            : ["Post", "Put", "Delete", "Link", "Duplicate", "Invalid", "Held"];
        Assert.All(ways, w => Assert.True(seen.GetValueOrDefault(w) > 0, $"No {w} in {histories} histories: {string.Join(", ", seen)}"));
    }

    private static void History(ResourceModel resource, KeyChangePolicy policy, int seed, Dictionary<string, int> seen, string? place)
    {
        var random = new Random(seed);
        var folder = Directory.CreateTempSubdirectory("rollcall-reconcile-");
        try
        {
            using var ledger = SyncLedger.Open(place ?? Path.Combine(folder.FullName, "ledger.db"), FormattableString.Invariant($"p{seed}-{resource.Name}-{policy}"), "http://t", null, TimeProvider.System);
            ledger.BeginRun(null);
            using var plan = new PlanTable(ledger, [resource]);
            using var writer = new LedgerWriter(ledger);
            var rows = new List<Row>();
            var docs = new List<Doc>();
            var nextSource = 1;
            for (var round = 0; round < 10; round++)
            {
                Change(rows, random, ref nextSource);
                var expected = Oracle(docs, rows, resource, policy);

                var counts = Plan(ledger, resource, policy, rows, random);
                var actual = Planned(ledger);

                Assert.True(expected.SetEquals(actual), $"seed {seed}, round {round}: expected {string.Join(" ", expected.Except(actual))}, got {string.Join(" ", actual.Except(expected))}");
                Assert.Equal(rows.Count, counts.Scanned);
                Assert.Equal(counts.Scanned, counts.Same + counts.Posts + counts.Puts + counts.Invalid + counts.Duplicates + counts.Waiting + counts.HeldKeyChanges);
                foreach (var decision in expected)
                {
                    seen[decision.Op] = seen.GetValueOrDefault(decision.Op) + 1;
                }

                docs = After(docs, rows, expected);
                Carry(ledger, plan, writer);
                Assert.Equal(docs.OrderBy(d => d.Key), Ledger(ledger).OrderBy(d => d.Key));
            }
        }
        finally
        {
            folder.Delete(true);
        }
    }

    private static void Change(List<Row> rows, Random random, ref int nextSource)
    {
        for (var n = random.Next(2, 7); n > 0; n--)
        {
            var at = rows.Count == 0 ? -1 : random.Next(rows.Count);
            switch (random.Next(10))
            {
                case 0 or 1 or 2:
                    rows.Add(new Row($"s{nextSource++}", random.Next(30), random.Next(3), true));
                    break;
                case 3 when at >= 0:
                    rows[at] = rows[at] with { Content = random.Next(3) };
                    break;
                case 4 or 5 when at >= 0:
                    rows[at] = rows[at] with { Key = random.Next(30) };
                    break;
                case 6 when at >= 0:
                    var other = random.Next(rows.Count);
                    (rows[at], rows[other]) = (rows[at] with { Key = rows[other].Key }, rows[other] with { Key = rows[at].Key });
                    break;
                case 7 when at >= 0:
                    rows.RemoveAt(at);
                    break;
                case 8 when at >= 0:
                    rows[at] = rows[at] with { Source = $"s{nextSource++}" };
                    break;
                case 9 when at >= 0:
                    rows[at] = rows[at] with { IsValid = random.Next(3) > 0 };
                    break;
            }
        }
    }

    /// <summary>The specification in a few lines: no database, no order, no hashes.</summary>
    private static HashSet<Decision> Oracle(List<Doc> docs, List<Row> rows, ResourceModel resource, KeyChangePolicy policy)
    {
        var decisions = new HashSet<Decision>();
        var byKey = docs.ToDictionary(d => d.Key);
        var fresh = new Dictionary<string, Row>();
        var unsent = new HashSet<string>();
        foreach (var group in rows.GroupBy(r => r.Key))
        {
            var row = group.First();
            var known = byKey.GetValueOrDefault(group.Key);
            if (group.Count() > 1 || !row.IsValid)
            {
                decisions.Add(new Decision(group.Count() > 1 ? "Duplicate" : "Invalid", group.Key, null));
                if (known is null)
                {
                    unsent.UnionWith(group.Select(r => r.Source));
                }
            }
            else if (known is null)
            {
                fresh[row.Source] = row;
            }
            else if (known.Content != row.Content)
            {
                decisions.Add(new Decision("Put", group.Key, null));
            }
            else if (known.Source != row.Source || known.IsMarked)
            {
                decisions.Add(new Decision("Link", group.Key, null));
            }
        }

        foreach (var gone in docs.Where(d => rows.All(r => r.Key != d.Key)))
        {
            if (gone.Source is not null && fresh.Remove(gone.Source, out var successor))
            {
                if (resource.AllowsKeyChange)
                {
                    decisions.Add(new Decision("KeyChange", successor.Key, gone.Key));
                }
                else if (policy == KeyChangePolicy.Auto || resource.Referrers.IsEmpty)
                {
                    decisions.Add(new Decision("Replace", successor.Key, gone.Key));
                    decisions.Add(new Decision("DeleteReplaced", gone.Key, successor.Key));
                }
                else
                {
                    decisions.Add(new Decision("Held", successor.Key, null));
                }
            }
            else if (gone.Source is null || !rows.Any(r => r.Source == gone.Source && rows.Count(o => o.Key == r.Key) is var n && (n > 1 || !r.IsValid)))
            {
                decisions.Add(new Decision("Delete", gone.Key, null));
            }
        }

        decisions.UnionWith(fresh.Values.Select(r => new Decision("Post", r.Key, null)));
        return decisions;
    }

    private static List<Doc> After(List<Doc> docs, List<Row> rows, HashSet<Decision> decisions)
    {
        // A row belongs to the document that it makes now.
        var claimed = decisions.Where(d => d.Op is "Post" or "Put" or "Link" or "Replace" or "KeyChange").Select(d => rows.First(r => r.Key == d.Key).Source).ToHashSet();
        var after = docs.Select(d => d.Source is not null && claimed.Contains(d.Source) ? d with { Source = null } : d).ToDictionary(d => d.Key);
        foreach (var decision in decisions)
        {
            var row = rows.FirstOrDefault(r => r.Key == decision.Key);
            switch (decision.Op)
            {
                case "Post" or "Put" or "Link" or "Replace":
                    after[decision.Key] = new Doc(row!.Key, row.Content, row.Source);
                    break;
                case "Invalid" or "Duplicate" when after.TryGetValue(decision.Key, out var known):
                    after[decision.Key] = known with { IsMarked = true };
                    break;
                case "KeyChange":
                    after.Remove(decision.Other!.Value);
                    after[decision.Key] = new Doc(row!.Key, row.Content, row.Source);
                    break;
                case "Delete" or "DeleteReplaced":
                    after.Remove(decision.Key);
                    break;
            }
        }

        return [.. after.Values];
    }

    private static ReconcileCounts Plan(SyncLedger ledger, ResourceModel resource, KeyChangePolicy policy, List<Row> rows, Random random)
    {
        using var reconcile = new Reconcile(ledger, resource, policy, (5, 6), new Findings());
        var stamps = rows.Select(r => new Stamp(
            KeyOf(r.Key), r.IsValid ? RecordOf(r.Key, r.Content) : default, Encoding.UTF8.GetBytes(r.Source), new byte[] { 1 }, r.IsValid)).ToArray();
        random.Shuffle(stamps);
        foreach (var batch in stamps.Chunk(7))
        {
            reconcile.Add(batch);
        }

        reconcile.Finish(DeletePolicy.Always);
        return reconcile.Counts;
    }

    private static HashSet<Decision> Planned(SyncLedger ledger)
    {
        var decisions = new HashSet<Decision>();
        using var plan = ledger.Db.Prepare($"select op, key_hash, other_key from work.plan where op <> {(int)PlanOp.Forget}");
        while (plan.Step())
        {
            var op = (PlanOp)plan.Long(0);
            int? other = plan.IsNull(2) ? null : KeyIn(plan.Hash(2));
            decisions.Add(new Decision(op == PlanOp.Post && other is not null ? "Replace" : op == PlanOp.Delete && other is not null ? "DeleteReplaced" : op.ToString(), KeyIn(plan.Hash(1)), other));
        }

        return decisions;
    }

    /// <summary>A target that takes everything.</summary>
    private static void Carry(SyncLedger ledger, PlanTable plan, LedgerWriter writer)
    {
        ledger.Commit(() =>
        {
            writer.ApplyLocal();
            foreach (var stage in plan.Stages(deletes: false).Concat(plan.Stages(deletes: true)))
            {
                foreach (var call in plan.Page(stage, 1000))
                {
                    writer.Done(writer.Intend(call), new WriteResult(200, call.EdfiId ?? Guid.NewGuid(), null, null));
                    plan.Set(call.PlanId, PlanState.Done);
                }
            }
        });
        plan.Clear();
    }

    private static List<Doc> Ledger(SyncLedger ledger)
    {
        var docs = new List<Doc>();
        using var all = ledger.Db.Prepare("select natural_key_hash, full_record_hash, source_key, status from doc where full_record_hash is not null and profile_id = ?1");
        for (all.Bind(1, ledger.ProfileId); all.Step();)
        {
            var record = all.Hash(1);
            docs.Add(new Doc(KeyIn(all.Hash(0)), Enumerable.Range(0, 3).Single(c => RecordOf(KeyIn(all.Hash(0)), c).Value == record), all.IsNull(2) ? null : all.Text(2), all.Long(3) != (int)DocStatus.Synced));
        }

        return docs;
    }

    private static KeyHash KeyOf(int key) => KeyHash.Compute(Encoding.UTF8.GetBytes($"key {key}"));

    private static int KeyIn(UInt128 hash) => Enumerable.Range(0, 30).Single(k => KeyOf(k).Value == hash);

    private static RecordHash RecordOf(int key, int content) => RecordHash.Compute(Encoding.UTF8.GetBytes($"record {key} {content}"));
}
