using Rollcall.Serve.Storage;

namespace Rollcall.Tests.Serve.Storage;

/// <summary>If-Match and If-None-Match (<c>ed-fi-api-resources.md</c> 3.8).</summary>
public abstract partial class StoreConformance
{
    public enum Tag
    {
        None,
        MatchCurrent,
        MatchOther,
        MatchForeign,
        MatchAny,
        NoneMatchAny,
        NoneMatchCurrent,
        NoneMatchOther,
        MatchCurrentAndNoneMatchAny,
    }

    [Theory]
    [InlineData(Tag.None, "Updated", "Created", "NotFound")]
    [InlineData(Tag.MatchCurrent, "Updated", "NothingToMatch", "NotFound")]
    [InlineData(Tag.MatchOther, "EtagMismatch", "NothingToMatch", "NotFound")]
    [InlineData(Tag.MatchForeign, "EtagMismatch", "NothingToMatch", "NotFound")]
    [InlineData(Tag.MatchAny, "Updated", "NothingToMatch", "NothingToMatch")]
    [InlineData(Tag.NoneMatchAny, "EtagMatched", "Created", "NotFound")]
    [InlineData(Tag.NoneMatchCurrent, "EtagMatched", "Created", "NotFound")]
    [InlineData(Tag.NoneMatchOther, "Updated", "Created", "NotFound")]
    [InlineData(Tag.MatchCurrentAndNoneMatchAny, "Updated", "NothingToMatch", "NotFound")]
    public async Task Preconditions_decide_as_the_table_says(Tag tag, string existing, string postNew, string missing)
    {
        var student = Assert.Single((await World.QueryAsync("students", filters: ("studentUniqueId", "A"))).Documents);
        var version = student.ChangeVersion;

        Assert.Equal(existing, Name(await World.PostAsync("students", World.Student("A", "Posted"), Condition(tag, version))));
        version = (await World.ExistingAsync("students", student.Id)).ChangeVersion;
        Assert.Equal(existing, Name(await World.PutAsync(student.Id, "students", World.Student("A", "Put"), Condition(tag, version))));
        Assert.Equal(postNew, Name(await World.PostAsync("students", World.Student("New"), Condition(tag, version))));
        Assert.Equal(missing, Name(await World.PutAsync(Guid.NewGuid(), "students", World.Student("Other"), Condition(tag, version))));
        Assert.Equal(missing, Name(await World.DeleteAsync("students", Guid.NewGuid(), Condition(tag, version))));
        version = (await World.ExistingAsync("students", student.Id)).ChangeVersion;
        Assert.Equal(existing == "Updated" ? "Deleted" : existing, Name(await World.DeleteAsync("students", student.Id, Condition(tag, version))));
    }

    [Fact]
    public async Task Equal_content_does_not_excuse_a_failed_precondition()
    {
        var student = Assert.Single((await World.QueryAsync("students", filters: ("studentUniqueId", "A"))).Documents);

        Assert.IsType<WriteOutcome.EtagMismatch>(await World.PostAsync("students", World.Student("A"), Condition(Tag.MatchOther, student.ChangeVersion)));
        Assert.IsType<WriteOutcome.EtagMatched>(await World.PutAsync(student.Id, "students", World.Student("A"), Condition(Tag.NoneMatchAny, 0)));
        Assert.IsType<WriteOutcome.Unchanged>(await World.PostAsync("students", World.Student("A"), Condition(Tag.MatchCurrent, student.ChangeVersion)));
    }

    [Fact]
    public async Task The_entity_tag_is_checked_before_references_descriptors_and_key_changes_and_before_dependents()
    {
        var id = await World.CreateAsync("studentSchoolAssociations", World.Enrollment("A", 10));
        var stale = Condition(Tag.MatchForeign, 0);
        var student = Assert.Single((await World.QueryAsync("students", filters: ("studentUniqueId", "A"))).Documents);

        Assert.IsType<WriteOutcome.EtagMismatch>(await World.PutAsync(id, "studentSchoolAssociations", World.Enrollment("Z", 99, grade: "No Such"), stale));
        Assert.IsType<WriteOutcome.EtagMismatch>(await World.PutAsync(student.Id, "students", World.Student("B"), stale));
        Assert.IsType<WriteOutcome.EtagMismatch>(await World.DeleteAsync("students", student.Id, stale));
        Assert.IsType<WriteOutcome.NothingToMatch>(await World.PostAsync("studentSchoolAssociations", World.Enrollment("Z", 99), stale));
    }

    protected static Precondition Condition(Tag tag, long current) => tag switch
    {
        Tag.None => Precondition.None,
        Tag.MatchCurrent => new Precondition(current, false, null, false),
        Tag.MatchOther => new Precondition(current + 1_000_000, false, null, false),
        Tag.MatchForeign => new Precondition(-1, false, null, false),
        Tag.MatchAny => new Precondition(null, true, null, false),
        Tag.NoneMatchAny => new Precondition(null, false, null, true),
        Tag.NoneMatchCurrent => new Precondition(null, false, [current + 1_000_000, current], false),
        Tag.NoneMatchOther => new Precondition(null, false, [current + 1_000_000], false),
        Tag.MatchCurrentAndNoneMatchAny => new Precondition(current, false, null, true),
        _ => throw new ArgumentOutOfRangeException(nameof(tag)),
    };

    protected static string Name(WriteOutcome outcome) => outcome.GetType().Name;
}
