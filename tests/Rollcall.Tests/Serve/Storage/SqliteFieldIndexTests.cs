using Rollcall.Databases;
using Rollcall.Serve.Queries;
using Rollcall.Serve.Storage;
using Rollcall.Standard.Documents;
using Rollcall.Standard.Model;

namespace Rollcall.Tests.Serve.Storage;

/// <summary>An operator's index on a query field is used by the statement that asks for it, and outlives restarts and new formats.</summary>
public sealed class SqliteFieldIndexTests
{
    private const string Name = "fx__ed_fi__students__v_last_surname";
    private static readonly ResourceModel Students = World.Standard.Core("students");
    private static readonly QueryField Field = Students.FindQueryField("lastSurname")!;

    [Fact]
    public async Task A_query_by_the_field_reads_the_index_in_row_order_and_without_it_the_table()
    {
        using var file = new SqliteFile();
        var plan = new QueryPlan(
            Students, 0, 25, false, null, null, null,
            [new FieldFilter(Students.QueryFields.IndexOf(Field), new ScalarValue(true, PropertyType.String, "byron", 0, 0))], false);
        await using (var store = await file.OpenAsync(TimeProvider.System))
        {
            Assert.DoesNotContain(Name, await store.ExplainAsync(plan, default), StringComparison.Ordinal);
            Assert.Equal(FieldIndexChange.Done, await store.Indexes.AddAsync(Students, Field, default));
            Assert.Equal(FieldIndexChange.Nothing, await store.Indexes.AddAsync(Students, Field, default));
        }

        // After a restart, too.
        await using var again = await file.OpenAsync(TimeProvider.System);
        Assert.Equal([new FieldIndex(Students, Field, FieldIndexState.Ready)], await again.Indexes.ListAsync(default));
        var explained = await again.ExplainAsync(plan, default);
        Assert.Contains($"SEARCH ed_fi__students USING INDEX {Name}", explained, StringComparison.Ordinal);
        Assert.DoesNotContain("TEMP B-TREE", explained, StringComparison.Ordinal);
        Assert.Equal(FieldIndexChange.Done, await again.Indexes.RemoveAsync(Students, Field, default));
        Assert.Equal(FieldIndexChange.Nothing, await again.Indexes.RemoveAsync(Students, Field, default));
        Assert.Empty(await again.Indexes.ListAsync(default));
    }

    [Fact]
    public async Task An_index_outlives_a_new_format_of_the_database()
    {
        using var file = new SqliteFile();
        await File.WriteAllBytesAsync(file.Path, await OlderStore.ReadAsync("format-1.db.gz"));
        using (var db = SqliteDb.OpenWriter(file.Path))
        {
            db.Execute($"CREATE INDEX {Name} ON ed_fi__students (v_last_surname)");
        }

        await using var store = await file.OpenAsync(TimeProvider.System);
        Assert.Equal([new FieldIndex(Students, Field, FieldIndexState.Ready)], await store.Indexes.ListAsync(default));
    }
}
