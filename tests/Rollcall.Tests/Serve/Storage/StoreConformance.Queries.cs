using Rollcall.Serve.Queries;

namespace Rollcall.Tests.Serve.Storage;

/// <summary>Pages, filters and windows.</summary>
public abstract partial class StoreConformance
{
    [Fact]
    public async Task Pages_follow_the_order_of_creation_and_cover_everything_once()
    {
        var ids = new List<Guid>();
        for (var i = 0; i < 23; i++)
        {
            ids.Add(await World.CreateAsync("classPeriods", World.ClassPeriod($"P{(i * 7) % 23}", 10)));
        }

        await World.PostAsync("classPeriods", """{"classPeriodName":"P0","schoolReference":{"schoolId":10},"officialAttendancePeriod":true}""");
        var walked = new List<Guid>();
        for (var offset = 0; offset < 25; offset += 5)
        {
            walked.AddRange((await World.QueryAsync("classPeriods", offset, 5)).Documents.Select(d => d.Id));
        }

        Assert.Equal(ids, walked);
        var rows = (await World.QueryAsync("classPeriods")).Documents.Select(d => d.RowId).ToList();
        Assert.Equal(rows.Order(), rows);
        Assert.Empty((await World.QueryAsync("classPeriods", 23)).Documents);
        Assert.Empty((await World.QueryAsync("classPeriods", 1000)).Documents);
    }

    [Fact]
    public async Task The_total_counts_all_matches_and_only_when_asked_for()
    {
        Assert.Null((await World.QueryAsync("students")).TotalCount);
        Assert.Equal(2, (await World.QueryAsync("students", total: true)).TotalCount);
        var none = await World.QueryAsync("students", limit: 0, total: true);
        Assert.Equal((2, 0), (none.TotalCount, none.Documents.Count));
        Assert.Equal(2, (await World.QueryAsync("students", offset: 9, total: true)).TotalCount);
        Assert.Equal(1, (await World.QueryAsync("students", limit: 0, total: true, filters: ("studentUniqueId", "a"))).TotalCount);
        Assert.Equal(0, (await World.QueryAsync("sections", total: true)).TotalCount);
        Assert.Equal(2, (await World.QueryAsync("gradeLevelDescriptors", total: true)).TotalCount);
        Assert.Equal(2, (await World.QueryAsync("gradeLevelDescriptors")).Documents.Count);
    }

    [Fact]
    public async Task Every_type_of_field_can_be_filtered_by()
    {
        await World.CreateAsync("courseIdentificationSystemDescriptors", World.Descriptor("System"));
        await World.CreateAsync("courses", World.Course("C1", 1, ""","maximumAvailableCredits":2.50,"highSchoolCourseRequirement":true,"dateCourseAdopted":"2020-01-02","timeRequiredForCompletion":3"""));
        await World.CreateAsync("courses", World.Course("C2", 1, ""","maximumAvailableCredits":2.25,"highSchoolCourseRequirement":false,"dateCourseAdopted":"2020-01-03","timeRequiredForCompletion":4"""));
        await World.CreateAsync("courses", World.Course("C3", 10));
        await World.CreateAsync("classPeriods", World.ClassPeriod("P", 10));
        await World.CreateAsync("bellSchedules", World.BellSchedule("B", 10, "P").Replace("\"B\"", "\"B\",\"startTime\":\"08:00:00\"", StringComparison.Ordinal));

        Assert.Equal(["C1"], await Codes(("maximumAvailableCredits", "2.5")));
        Assert.Equal(["C2"], await Codes(("highSchoolCourseRequirement", "FALSE")));
        Assert.Equal(["C1"], await Codes(("dateCourseAdopted", "2020-01-02")));
        Assert.Equal(["C2"], await Codes(("timeRequiredForCompletion", "4")));
        Assert.Equal(["C1", "C2", "C3"], await Codes(("courseTitle", "t")));
        Assert.Equal(["C1", "C2"], await Codes(("educationOrganizationId", "1")));
        Assert.Equal(["C2"], await Codes(("courseCode", "c2"), ("educationOrganizationId", "1")));
        Assert.Equal(["C2"], await Codes(("courseTitle", "T"), ("highSchoolCourseRequirement", "false")));
        Assert.Empty(await Codes(("courseCode", "C3"), ("educationOrganizationId", "1")));
        Assert.Empty(await Codes(("educationOrganizationId", "99")));
        Assert.Empty(await Codes(("courseTitle", "' OR 1=1 --")));
        Assert.Single((await World.QueryAsync("bellSchedules", filters: ("startTime", "08:00:00"))).Documents);
        Assert.Empty((await World.QueryAsync("bellSchedules", filters: ("startTime", "08:00:01"))).Documents);

        async Task<IEnumerable<string>> Codes(params (string, string)[] filters) =>
            (await World.QueryAsync("courses", filters: filters)).Documents
                .Select(d => System.Text.Json.Nodes.JsonNode.Parse(d.Body)!["courseCode"]!.GetValue<string>());
    }

    [Fact]
    public async Task Descriptors_and_references_can_be_filtered_by()
    {
        var first = await World.CreateAsync("studentSchoolAssociations", World.Enrollment("A", 10));
        var second = await World.CreateAsync("studentSchoolAssociations", World.Enrollment("A", 20, grade: "Tenth"));
        var third = await World.CreateAsync("studentSchoolAssociations", World.Enrollment("B", 20, grade: "Tenth", more: ""","nextYearSchoolReference":{"schoolId":10},"schoolYearTypeReference":{"schoolYear":2025}"""));

        Assert.Equal([second, third], await Ids(("entryGradeLevelDescriptor", $"{World.Uri.ToUpperInvariant()}#tenth")));
        Assert.Equal([first, second], await Ids(("studentUniqueId", "a")));
        Assert.Equal([second, third], await Ids(("schoolId", "20")));
        Assert.Equal([second], await Ids(("schoolId", "20"), ("studentUniqueId", "A")));
        Assert.Equal([third], await Ids(("nextYearSchoolId", "10")));
        Assert.Equal([third], await Ids(("schoolYear", "2025")));
        Assert.Equal([first], await Ids(("schoolId", "10"), ("studentUniqueId", "A"), ("entryDate", "2024-08-20")));
        Assert.Empty(await Ids(("schoolId", "10"), ("studentUniqueId", "A"), ("entryDate", "2024-08-21")));
        Assert.Empty(await Ids(("schoolId", "10"), ("studentUniqueId", "A"), ("entryDate", "2024-08-20"), ("nextYearSchoolId", "10")));
        Assert.Empty(await Ids(("entryGradeLevelDescriptor", $"{World.Uri}#No Such")));
        Assert.Equal([third], (await World.QueryAsync("studentSchoolAssociations", offset: 1, filters: ("schoolId", "20"))).Documents.Select(d => d.Id));

        async Task<IEnumerable<Guid>> Ids(params (string, string)[] filters) =>
            (await World.QueryAsync("studentSchoolAssociations", filters: filters)).Documents.Select(d => d.Id);
    }

    [Fact]
    public async Task A_unified_field_matches_whichever_reference_carries_it()
    {
        await World.CreateAsync("calendarTypeDescriptors", World.Descriptor("Student"));
        await World.CreateAsync("calendars", $$"""
            {"calendarCode":"K","schoolReference":{"schoolId":10},"schoolYearTypeReference":{"schoolYear":2025},"calendarTypeDescriptor":"{{World.Uri}}#Student"}
            """);
        var byCalendar = await World.CreateAsync("studentSchoolAssociations",
            World.Enrollment("A", 10, more: ""","calendarReference":{"calendarCode":"K","schoolId":10,"schoolYear":2025}"""));
        var byYear = await World.CreateAsync("studentSchoolAssociations", World.Enrollment("B", 10, more: ""","schoolYearTypeReference":{"schoolYear":2025}"""));

        var both = await World.QueryAsync("studentSchoolAssociations", filters: [("schoolYear", "2025")]);
        var one = await World.QueryAsync("studentSchoolAssociations", filters: [("schoolYear", "2025"), ("calendarCode", "k")]);

        Assert.Equal([byCalendar, byYear], both.Documents.Select(d => d.Id));
        Assert.Equal([byCalendar], one.Documents.Select(d => d.Id));
    }

    [Fact]
    public async Task An_id_selects_one_document_that_must_match_the_rest_too()
    {
        var a = Assert.Single((await World.QueryAsync("students", filters: ("studentUniqueId", "A"))).Documents);

        Assert.Equal(a, Assert.Single((await World.QueryAsync("students", id: a.Id, total: true)).Documents));
        Assert.Empty((await World.QueryAsync("students", id: a.Id, filters: ("studentUniqueId", "B"))).Documents);
        Assert.Empty((await World.QueryAsync("students", id: a.Id, min: a.ChangeVersion + 1)).Documents);
        Assert.Empty((await World.QueryAsync("students", id: a.Id, offset: 1)).Documents);
        Assert.Empty((await World.QueryAsync("schools", id: a.Id)).Documents);
        Assert.Equal(0, (await World.QueryAsync("students", id: Guid.NewGuid(), total: true)).TotalCount);
    }

    [Fact]
    public async Task A_plan_that_matches_nothing_gives_an_empty_page_with_a_total_of_none()
    {
        var page = new CapturedPage();
        await World.Store.QueryAsync(new QueryPlan(World.Resource("students"), 0, 25, true, null, null, null, [], MatchesNothing: true), page, default);

        Assert.True(page.IsBegun);
        Assert.Equal((0, 0), (page.TotalCount, page.Documents.Count));
    }

    [Fact]
    public async Task A_window_includes_both_its_bounds_and_follows_updates()
    {
        var versions = new List<long>();
        for (var i = 0; i < 6; i++)
        {
            versions.Add((await World.ExistingAsync("classPeriods", await World.CreateAsync("classPeriods", World.ClassPeriod($"P{i}", 10)))).ChangeVersion);
        }

        var all = (await World.QueryAsync("classPeriods")).Documents;
        Assert.Equal(all.Skip(1).Take(3), (await World.QueryAsync("classPeriods", min: versions[1], max: versions[3])).Documents);
        Assert.Equal(all.Skip(2), (await World.QueryAsync("classPeriods", min: versions[2])).Documents);
        Assert.Equal(all.Take(3), (await World.QueryAsync("classPeriods", max: versions[2])).Documents);
        Assert.Equal(all.Skip(2).Take(1), (await World.QueryAsync("classPeriods", 1, 1, min: versions[1], max: versions[3])).Documents);
        Assert.Equal(3, (await World.QueryAsync("classPeriods", limit: 0, total: true, min: versions[1], max: versions[3])).TotalCount);
        Assert.Equal(6, (await World.QueryAsync("classPeriods", limit: 0, total: true, min: 0)).TotalCount);
        Assert.Empty((await World.QueryAsync("classPeriods", min: await World.NewestAsync() + 1)).Documents);
        Assert.Equal(all.Skip(3), (await World.QueryAsync("classPeriods", min: versions[3], filters: ("schoolId", "10"))).Documents);
        Assert.Equal(2, (await World.QueryAsync("gradeLevelDescriptors", limit: 0, total: true, min: 1, max: versions[0])).TotalCount);

        await World.PostAsync("classPeriods", """{"classPeriodName":"P2","schoolReference":{"schoolId":10},"officialAttendancePeriod":true}""");
        Assert.Equal([all[1].Id, all[3].Id], (await World.QueryAsync("classPeriods", min: versions[1], max: versions[3])).Documents.Select(d => d.Id));
        Assert.Equal([all[3].Id], (await World.QueryAsync("classPeriods", 1, 1, min: versions[1], max: versions[3])).Documents.Select(d => d.Id));
        Assert.Equal([all[2].Id], (await World.QueryAsync("classPeriods", min: versions[5] + 1)).Documents.Select(d => d.Id));
    }

    /// <summary>A store may remember where a page began: deletes, updates and inserts between pages must not mislead it.</summary>
    [Fact]
    public async Task Deep_pages_stay_right_when_documents_come_and_go_between_them()
    {
        const int Count = 700;
        var ids = new List<Guid>();
        foreach (var chunk in Enumerable.Range(0, Count).Chunk(100))
        {
            ids.AddRange(await Task.WhenAll(chunk.Select(i => World.CreateAsync("classPeriods", World.ClassPeriod($"P{i:0000}", 10)))));
        }

        ids = [.. (await Everything()).Select(d => d.Id)];
        Assert.Equal(Count, ids.Count);
        for (var round = 0; round < 3; round++)
        {
            foreach (var offset in new[] { 300, 0, 650, 299, 301, 500, ids.Count - 1, ids.Count })
            {
                Assert.Equal(ids.Skip(offset).Take(50), (await World.QueryAsync("classPeriods", offset, 50)).Documents.Select(d => d.Id));
                Assert.Equal(ids.Skip(offset).Take(50), (await World.QueryAsync("classPeriods", offset, 50, min: 1)).Documents.Select(d => d.Id));
            }

            await World.DeleteAsync("classPeriods", ids[10]);
            await World.DeleteAsync("classPeriods", ids[400]);
            ids.RemoveAt(400);
            ids.RemoveAt(10);
            ids.Add(await World.CreateAsync("classPeriods", World.ClassPeriod($"New {round}", 10)));
        }

        async Task<List<CapturedDocument>> Everything()
        {
            var all = new List<CapturedDocument>();
            while (await World.QueryAsync("classPeriods", all.Count) is { Documents.Count: > 0 } page)
            {
                all.AddRange(page.Documents);
            }

            return all;
        }
    }
}
