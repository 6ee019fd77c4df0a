using Rollcall.Exchange.Sync;
using Rollcall.Exchange.Sync.Mapping;
using Rollcall.Standard.Loading;

namespace Rollcall.Tests.Exchange.Sync;

/// <summary>What a mapping folder may say, and how its mistakes are answered.</summary>
public sealed class MappingTests : IDisposable
{
    private readonly SyncBench _bench = new SyncBench().WithUsualMapping();

    public void Dispose() => _bench.Dispose();

    private async Task<IReadOnlyList<string>> FaultsAsync() => (await Assert.ThrowsAsync<MappingException>(() => _bench.RunAsync())).Faults;

    private async Task<List<string>> PreviewAsync(string resource, SyncCheck? check = null)
    {
        var bodies = new List<string>();
        await (check ?? new SyncCheck(_bench.Read(), CompactModelReader.EdFi52, new())).PreviewAsync(resource, null, body =>
        {
            bodies.Add(body);
            return true;
        }, CancellationToken.None);
        bodies.Sort(StringComparer.Ordinal);
        return bodies;
    }

    [Theory]
    [InlineData("first as \"firstNmae\"", "resources/students.sql: the alias \"firstNmae\" is no path of ed-fi/students; did you mean \"firstName\"?")]
    [InlineData("first as \"otherName[0].firstName\"", "resources/students.sql: the alias \"otherName[0].firstName\" is no path of ed-fi/students; did you mean \"otherNames[0].firstName\"?")]
    [InlineData("first as \"@scoop\"", "resources/students.sql: unknown control column \"@scoop\"; a file like this may have @source_key, @scope, @omit, @changed.")]
    [InlineData("first as \"firstName\", last as \"firstName\"", "resources/students.sql: the query has two columns \"firstName\".")]
    [InlineData("first as \"otherNames[0].firstName\"", "resources/students.sql: nothing is mapped to otherNames[0].otherNameTypeDescriptor, which ed-fi/students requires.")]
    public async Task An_alias_that_is_no_path_names_the_nearest_that_is(string column, string fault)
    {
        _bench.Write("resources/students.sql", SyncBench.Students.Replace("select ", $"select {column}, ", StringComparison.Ordinal));

        Assert.Contains(fault, await FaultsAsync());
        Assert.Equal(0, _bench.Api.Writes("POST"));
        Assert.False(File.Exists(Path.Combine(_bench.Folder, "ledger.db")));
    }

    [Fact]
    public async Task A_rule_tells_of_rows_that_are_sent_all_the_same()
    {
        _bench.Pupils(3);
        _bench.Write("rules/entry.sql", "-- resource: studentSchoolAssociations\nselect id as \"@source_key\" from stint where entry < '2026-09-01' and id > 1;");

        var report = await _bench.RunAsync();

        var finding = Assert.Single(report.Findings);
        Assert.Equal((FindingKind.Rule, 2L, false), (finding.Kind, finding.Rows, finding.IsRefusal));
        Assert.Equal((SyncOutcome.Done, 6), (report.Outcome, report.Calls.Posts));
        using var ledger = Rollcall.Exchange.Ledger.LedgerAccount.Open(_bench.LedgerPlace, "test");
        Assert.Equal(["2", "3"], Assert.Single(ledger.Findings()).SourceKeys);

        _bench.Write("rules/other.sql", "select nothing");
        Assert.Contains("rules/other.sql: a rule says what it is about", Assert.Single(await FaultsAsync()), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Golden_tests_say_which_members_differ_and_no_values()
    {
        _bench.Write("tests/students.json", """
            [
              {"name": "a pupil", "row": {"studentUniqueId": "1", "firstName": " Ann ", "lastSurname": "B", "birthDate": "2010-01-02"},
               "expect": {"studentUniqueId": "1", "firstName": "Ann", "lastSurname": "B", "birthDate": "2010-01-02"}},
              {"name": "without a birthday", "row": {"studentUniqueId": "1", "firstName": "Ann", "lastSurname": "B"}, "expect": null},
              {"name": "wrong", "row": {"studentUniqueId": "1", "firstName": "SECRET", "lastSurname": "B", "birthDate": "2010-01-02"},
               "expect": {"studentUniqueId": "1", "firstName": "Other", "lastSurname": "B", "birthDate": "2010-01-02"}}
            ]
            """);
        var check = new SyncCheck(_bench.Read(), CompactModelReader.EdFi52, _bench.With(new SyncOptions()).Client);

        await check.RunAsync(CancellationToken.None);

        Assert.Equal(3, check.GoldenTests);
        Assert.Equal("tests/students.json: wrong: these members differ: firstName", Assert.Single(check.GoldenFaults));
    }

    [Theory]
    [InlineData("Deletes: never", "Deletes")]
    [InlineData("deletes : never", null)]
    [InlineData("key_change: hold", "key_change")]
    [InlineData("keyChange: hold", "keyChange")]
    [InlineData("Note: of the 2026 roll-over", "Note")]
    [InlineData("see https://wiki.example/students for: more", null)]
    [InlineData("https://wiki.example/students", null)]
    public async Task A_header_option_in_another_spelling_is_no_comment(string header, string? refused)
    {
        _bench.Write("resources/students.sql", $"-- {header}\n{SyncBench.Students}");

        if (refused is null)
        {
            Assert.Equal(SyncOutcome.NothingToDo, (await _bench.RunAsync()).Outcome);
        }
        else
        {
            Assert.Contains($"the header option '{refused}' is not supported", Assert.Single(await FaultsAsync()), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Every_fault_of_every_file_is_told_at_once()
    {
        _bench.Write("resources/students.sql", "select first as \"firstName\" from pupil");
        _bench.Write("resources/studentSchoolAssociations.sql", "select nothing from nowhere");

        var faults = await FaultsAsync();

        Assert.Equal(
            ["resources/studentSchoolAssociations.sql", "resources/students.sql", "resources/students.sql", "resources/students.sql"],
            faults.Select(f => f.Split(':')[0]).Order(StringComparer.Ordinal));
        Assert.Contains("resources/students.sql: nothing is mapped to birthDate, which ed-fi/students requires.", faults);
    }

    [Theory]
    [InlineData("-- affect: pupil: dirty", "the header option 'affect' is not supported by this build")]
    [InlineData("-- affects: pupil: maybe", "'pupil: maybe' is no value of the option 'affects'")]
    [InlineData("-- deletes: sometimes", "'sometimes' is no value of the option 'deletes'")]
    [InlineData("-- resource: pupils", "the data standard has no resource ed-fi/pupils")]
    [InlineData("-- key-change: yes", "'yes' is no value of the option 'key-change'")]
    public async Task A_header_option_is_used_or_refused(string line, string fault)
    {
        _bench.Write("resources/students.sql", line + "\n" + SyncBench.Students);

        Assert.Contains(fault, Assert.Single(await FaultsAsync()), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("schedule: { every: 15m }", "the setting schedule is not supported by this build")]
    [InlineData("delets: { default: never }", "did you mean deletes?")]
    [InlineData("deletes: { holdIf: { percent: 500 } }", "deletes.holdIf.percent must be a whole number from 0 to 100")]
    [InlineData("deletes: { perResource: { pupils: never } }", "deletes.perResource names ed-fi/pupils")]
    [InlineData("audit: { payloads: some }", "audit.payloads is some; failures-only or all is expected")]
    [InlineData("audit: { keepDays: 0 }", "audit.keepDays must be a whole number from 1 to 36500")]
    [InlineData("changes: { method: cdc }", "logical, outbox, change-tracking or poll is expected")]
    [InlineData("ledger: ${env:ROLLCALL_NO_SUCH}", "ledger: the environment has no ROLLCALL_NO_SUCH")]
    public async Task A_setting_is_used_or_refused(string setting, string fault)
    {
        _bench.Write("profile.yaml", SyncBench.Profile(setting));

        Assert.Contains(fault, Assert.Single(await FaultsAsync()), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("9,\n", "line 2: the code 9 has no descriptor")]
    [InlineData("9,Ninth grade\n", "line 2: Ninth grade is no descriptor")]
    [InlineData("9,uri://x#A\n9,uri://x#B\n", "line 3: the code 9 is there twice")]
    public async Task A_crosswalk_line_without_a_value_is_named(string lines, string fault)
    {
        _bench.Write("crosswalks/gradeLevelDescriptor.csv", "local_code,descriptor\n" + lines);

        Assert.Contains(fault, Assert.Single(await FaultsAsync()), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_parameter_without_a_value_is_named()
    {
        _bench.Write("resources/students.sql", SyncBench.Students + " where ':no' <> '' and id > :yeer -- :nor");

        Assert.Equal("resources/students.sql: nothing gives the parameter :yeer a value; put it under source.parameters of profile.yaml, or did you mean :year?", Assert.Single(await FaultsAsync()));
    }

    [Fact]
    public async Task The_most_specific_crosswalk_row_wins()
    {
        _bench.Pupils(4);
        _bench.Sql("update stint set school = 1 + id % 2, grade = case when id > 2 then 'Z' else '9' end");
        _bench.Write("crosswalks/gradeLevelDescriptor.csv", """
            local_code,school_code,descriptor,note
            9,,uri://ed-fi.org/GradeLevelDescriptor#Ninth grade,everywhere
            9,S2,uri://ed-fi.org/GradeLevelDescriptor#Tenth grade,but there
            *,S2,uri://ed-fi.org/GradeLevelDescriptor#Eleventh grade,
            *,,,error
            """);
        var check = new SyncCheck(_bench.Read(), CompactModelReader.EdFi52, new());

        var bodies = await PreviewAsync("studentSchoolAssociations", check);

        Assert.Equal(["Eleventh grade", "Ninth grade", "Tenth grade"], bodies.Select(b => b.Split('#')[1].Split('"')[0]));
        Assert.Equal(1, Assert.Single(check.Findings).Rows);
    }

    [Fact]
    public async Task A_code_can_mean_that_the_member_is_left_out()
    {
        _bench.Sql("insert into pupil values(1, 'N1', 'A', 'B', '2010-01-02')");
        _bench.Write("resources/students.sql", SyncBench.Students.Replace("select ", "select 'X' as \"birthSexDescriptor\", ", StringComparison.Ordinal));
        _bench.Write("crosswalks/sexDescriptor.csv", "local_code,descriptor,note\nX,,omit\n*,,error\n");

        Assert.Equal("""{"birthDate":"2010-01-02","firstName":"A","lastSurname":"B","studentUniqueId":"N1"}""", Assert.Single(await PreviewAsync("students")));
    }

    [Fact]
    public async Task A_bare_identity_name_fills_every_place_that_must_be_equal_and_no_other()
    {
        _bench.Write("resources/sections.sql", """
            select 'ALG' as "localCourseCode", 1 as "schoolId", 2027 as "schoolYear", 'Fall' as "sessionName", 'A' as "sectionIdentifier",
                   7 as "@source_key", null as "locationReference.classroomIdentificationCode", 3 as "locationReference.schoolId"
            """);
        _bench.Write("resources/sections.classPeriods.sql", """
            select 7 as "@parent", 'P' || n as "classPeriodReference.classPeriodName" from (select 2 as n union select 1)
            union all select 7, null
            """);

        var check = new SyncCheck(_bench.Read(), CompactModelReader.EdFi52, new());
        Assert.Equal(
            """{"classPeriods":[{"classPeriodReference":{"classPeriodName":"P1","schoolId":1}},{"classPeriodReference":{"classPeriodName":"P2","schoolId":1}}],"courseOfferingReference":{"localCourseCode":"ALG","schoolId":1,"schoolYear":2027,"sessionName":"Fall"},"sectionIdentifier":"A"}""",
            Assert.Single(await PreviewAsync("sections", check)));
        Assert.Equal(["classPeriods", "locationReference"], check.Findings.Select(f => f.Path).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Items_come_from_indexed_aliases_child_files_and_json_columns_in_one_order()
    {
        _bench.Sql("insert into pupil values(1, 'N1', 'A', 'B', '2010-01-02'), (2, 'N2', 'A', 'B', '2010-01-02')");
        _bench.Write("crosswalks/otherNameTypeDescriptor.csv", "local_code,descriptor\nN,uri://ed-fi.org/OtherNameTypeDescriptor#Nickname\nA,uri://ed-fi.org/OtherNameTypeDescriptor#Alias\n");
        const string Expected = """[{"firstName":"Al","lastSurname":"B","otherNameTypeDescriptor":"uri://ed-fi.org/OtherNameTypeDescriptor#Alias"},{"firstName":"Ann","lastSurname":"B","otherNameTypeDescriptor":"uri://ed-fi.org/OtherNameTypeDescriptor#Nickname"}]""";

        // Wide: the second pupil's second item is blank, the first pupil's third lacks a required name and is dropped.
        _bench.Write("resources/students.sql", SyncBench.Students.Replace("select ", """
            select 'N' as "otherNames[0].otherNameTypeDescriptor", 'Ann' as "otherNames[0].firstName", last as "otherNames[0].lastSurname",
                   'A' as "otherNames[1].otherNameTypeDescriptor", ' Al ' as "otherNames[1].firstName", last as "otherNames[1].lastSurname",
                   'A' as "otherNames[2].otherNameTypeDescriptor", '' as "otherNames[2].firstName", last as "otherNames[2].lastSurname",
            """, StringComparison.Ordinal));
        var check = new SyncCheck(_bench.Read(), CompactModelReader.EdFi52, new());
        var wide = await PreviewAsync("students", check);
        Assert.Contains(Expected, wide[0], StringComparison.Ordinal);
        Assert.Equal((FindingKind.DroppedItem, 2L), (check.Findings[0].Kind, check.Findings[0].Rows));

        _bench.Write("resources/students.sql", SyncBench.Students);
        _bench.Write("resources/students.otherNames.sql", """
            select p.id as "@parent", v.column1 as "otherNameTypeDescriptor", v.column2 as "firstName", p.last as "lastSurname"
            from pupil p, (values('N', 'Ann'), ('A', 'Al')) v union all select 99, 'N', 'Nobody', 'X'
            """);
        check = new SyncCheck(_bench.Read(), CompactModelReader.EdFi52, new());
        Assert.Equal(wide, await PreviewAsync("students", check));
        Assert.Equal((FindingKind.OrphanedChild, 1L), (check.Findings[0].Kind, check.Findings[0].Rows));

        File.Delete(Path.Combine(_bench.Folder, "resources/students.otherNames.sql"));
        _bench.Write("resources/students.sql", SyncBench.Students.Replace("select ", """
            select json_array(json_object('otherNameTypeDescriptor', 'N', 'firstName', 'Ann', 'lastSurname', last),
              json_object('lastSurname', last, 'middleName', null, 'firstName', 'Al', 'otherNameTypeDescriptor', 'A')) as "otherNames[]",
            """, StringComparison.Ordinal));
        Assert.Equal(wide, await PreviewAsync("students"));
    }

    [Fact]
    public async Task Values_take_the_form_of_their_types()
    {
        _bench.Write("resources/courses.sql", """
            select '007' as "courseCode", ' Algebra "I"  ' as "courseTitle", '0045.50' as "maximumAvailableCredits", 3.0 as "numberOfParts",
                   '2026-08-31 00:00:00' as "dateCourseAdopted", 1 as "highSchoolCourseRequirement", '001' as "educationOrganizationId", '' as "courseDescription",
                   'T' as "identificationCodes[0].courseIdentificationSystemDescriptor", 7 as "identificationCodes[0].identificationCode"
            """);
        _bench.Write("crosswalks/courseIdentificationSystemDescriptor.csv", "local_code,descriptor\nT,uri://ed-fi.org/CourseIdentificationSystemDescriptor#LEA course code\n");

        Assert.Equal(
            """{"courseCode":"007","courseTitle":"Algebra \"I\"","dateCourseAdopted":"2026-08-31","educationOrganizationReference":{"educationOrganizationId":1},"highSchoolCourseRequirement":true,"identificationCodes":[{"courseIdentificationSystemDescriptor":"uri://ed-fi.org/CourseIdentificationSystemDescriptor#LEA course code","identificationCode":"7"}],"maximumAvailableCredits":45.5,"numberOfParts":3}""",
            Assert.Single(await PreviewAsync("courses")).Replace("45.50", "45.5", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Rows_that_break_an_expectation_are_not_sent_and_omitted_rows_are_not_there()
    {
        _bench.Pupils(4);
        _bench.Write("resources/studentSchoolAssociations.sql", "-- expect: \"entryDate\" > '2026-01-01'\n" + SyncBench.Enrolments.Replace("select s.id", "select s.id = 1 as \"@omit\", s.id", StringComparison.Ordinal));
        _bench.Sql("update stint set entry = '2025-01-01' where id = 2; update stint set entry = null where id = 3");

        var report = await _bench.RunAsync();

        Assert.Equal(3, _bench.Of(report, "studentSchoolAssociations").Plan.Scanned);
        Assert.Equal(["expect \"entryDate\" > '2026-01-01': broken by 1 rows, 1 schools", "entryDate"], report.Findings.Select(f => f.ToString().Split(": ", 2)[1]).Select(t => t.StartsWith("expect", StringComparison.Ordinal) ? t : "entryDate").OrderDescending(StringComparer.Ordinal));
        Assert.Single(_bench.Api.All("studentSchoolAssociations"));
    }
}
