using Rollcall.Exchange.Sync.Capture;

namespace Rollcall.Tests.Exchange.Sync;

public sealed class TransactionChangesTests
{
    private static TableChange Row(string table, int id) => new(table, ChangeKind.Update, [new Dictionary<string, string?> { ["id"] = $"{id}" }]);

    [Fact]
    public void Of_a_table_with_too_many_changes_only_that_any_row_may_have_changed_is_kept_and_others_stay_as_they_are()
    {
        var changes = new TransactionChanges();
        changes.Add(Row("pupil", 1));
        for (var i = 0; i < 3 * TransactionChanges.RowsMax; i++)
        {
            changes.Add(Row("absence", i));
        }

        changes.Add(Row("pupil", 2));
        Assert.Equal([("pupil", ChangeKind.Update), ("absence", ChangeKind.Truncate), ("pupil", ChangeKind.Update)], changes.Changes.Select(c => (c.Table, c.Kind)));
    }

    [Fact]
    public void Many_tables_with_some_changes_each_are_bounded_together_and_none_is_forgotten()
    {
        var changes = new TransactionChanges();
        for (var i = 0; i < 100_000; i++)
        {
            changes.Add(Row($"part{i % 60}", i));
            Assert.InRange(changes.Changes.Count, 1, TransactionChanges.TotalMax + 60);
        }

        Assert.Equal(60, changes.Changes.Select(c => c.Table).Distinct().Count());
    }

    [Fact]
    public void Below_that_every_change_is_kept_in_its_order()
    {
        var changes = new TransactionChanges();
        for (var i = 1; i < TransactionChanges.RowsMax; i++)
        {
            changes.Add(Row("absence", i));
        }

        Assert.Equal(Enumerable.Range(1, TransactionChanges.RowsMax - 1).Select(i => $"{i}"), changes.Changes.Select(c => c.Rows[0]["id"]));
    }
}
