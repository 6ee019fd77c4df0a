using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using Rollcall.Serve.Authorization;
using Rollcall.Serve.Queries;
using Rollcall.Serve.Storage;

namespace Rollcall.Tests.Serve.Storage;

/// <summary>Lists of callers who see a part: however a store finds them (by walking, by organization, by what has come since), they are what a look
/// at every single document gives. The look is at the bodies, with a hierarchy kept here.</summary>
public abstract class RestrictedListConformance
{
    private const int Districts = 5;
    private const int Schools = 80;
    private static readonly int Rounds = LongRun.IsOn ? 1_500 : 60;
    private static readonly int ConcurrentRounds = LongRun.IsOn ? 90 : 20;

    /// <summary>By each of three writers, beside the readers.</summary>
    private static readonly int WritesMax = LongRun.IsOn ? 2_000 : 400;
    private readonly Dictionary<long, long> _districtOf = [];
    private readonly HashSet<string> _ways = [];

    /// <summary>A server has one plan for all requests of a claim set: what a store remembers of it is used.</summary>
    private readonly Dictionary<string, AccessPlan> _plans = [];

    /// <summary>What the store should have.</summary>
    protected List<(string Student, long School)> Enrolments { get; } = [];

    /// <summary>A store whose change versions begin far up, so that a window from 1 on is a wide one.</summary>
    protected abstract Task<IDocumentStore> OpenAsync();

    /// <summary>Makes the store take notice that all that was written is settled.</summary>
    protected abstract void Settle();

    /// <summary>Makes the open store's database one of a Rollcall that knew nothing of authorization, and opens it again.</summary>
    protected abstract Task<IDocumentStore> MakeOlderAndOpenAsync();

    [Fact]
    public async Task Lists_are_what_a_look_at_every_document_gives()
    {
        var seed = Environment.TickCount;
        TestContext.Current.TestOutputHelper!.WriteLine($"seed {seed}");
        var random = new Random(seed);
        var world = new World(await OpenAsync());
        await FillAsync(world, random);
        var callers = Callers(random);
        for (var round = 0; round < Rounds; round++)
        {
            await CompareAsync(world, callers[round / 5 % callers.Length], random);
            if (round % 3 == 0)
            {
                await ChangeAsync(world, random);
            }

            if (round % 2 == 0)
            {
                Settle();
            }
        }

        Assert.True(_ways.Count >= 17, string.Join(", ", _ways.Order()));
    }

    [Fact]
    public async Task A_database_from_before_gets_its_hierarchy_and_what_lists_are_read_by_when_it_is_opened()
    {
        var random = new Random(7);
        await FillAsync(new World(await OpenAsync()), random);
        var world = new World(await MakeOlderAndOpenAsync());
        var callers = Callers(random);
        for (var round = 0; round < 60; round++)
        {
            await CompareAsync(world, callers[round % callers.Length], random);
        }

        // And it is kept from then on.
        for (var change = 0; change < 10; change++)
        {
            await ChangeAsync(world, random);
            await CompareAsync(world, callers[change % callers.Length], random);
        }
    }

    [Fact]
    public async Task Pages_and_totals_have_everything_that_was_there_before_while_others_write()
    {
        var seed = Environment.TickCount;
        TestContext.Current.TestOutputHelper!.WriteLine($"seed {seed}");
        var random = new Random(seed);
        var world = new World(await OpenAsync());
        await FillAsync(world, random);
        var start = (await QueryAsync(world, "classPeriods", Access.Everything, 0, 5_000, null, null)).Documents
            .Select(d => JsonNode.Parse(d.Body)!).ToDictionary(KeyOf, b => (long)b["schoolReference"]!["schoolId"]!);
        var (begun, done) = (new ConcurrentDictionary<string, long>(start), new ConcurrentDictionary<string, long>(start));
        var places = new ConcurrentDictionary<long, long>(_districtOf);
        var isOver = false;
        var writers = Enumerable.Range(0, 3).Select(w => Task.Run(async () =>
        {
            var own = new Random(seed + w);
            for (var i = 0; i < WritesMax && !Volatile.Read(ref isOver); i++)
            {
                // Now and then at a school that nobody had, so that the hierarchy changes too.
                var school = 100 + own.Next(Schools);
                if (i % 40 == 39)
                {
                    school = (100_000 * (w + 1)) + i;
                    places[school] = 1 + own.Next(Districts);
                    await world.CreateAsync("schools", World.School(school, places[school]));
                }

                var name = $"W{w}-{i}";
                begun[$"{school} {name}"] = school;
                await world.CreateAsync("classPeriods", World.ClassPeriod(name, school));
                done[$"{school} {name}"] = school;
            }
        })).ToArray();
        var callers = Callers(random);
        try
        {
            for (var round = 0; round < ConcurrentRounds; round++)
            {
                var claims = callers[round / 3 % callers.Length];
                var access = AccessOf("classPeriods", ["RelationshipsWithEdOrgsOnly"], claims);
                HashSet<string> Visible(ConcurrentDictionary<string, long> all) =>
                    [.. all.Where(a => claims.Organizations.Contains(a.Value) || claims.Organizations.Contains(places[a.Value])).Select(a => a.Key)];
                var before = Visible(done);
                var total = (await QueryAsync(world, "classPeriods", access, 0, 1, null, null)).TotalCount!.Value;
                Assert.True(total >= before.Count && total <= Visible(begun).Count, $"{before.Count} <= {total} <= {Visible(begun).Count}");
                var found = new List<string>();
                for (RowRange? rows = RowRange.All; ;)
                {
                    var page = (await QueryAsync(world, "classPeriods", access, 0, 40, null, null, rows)).Documents;
                    found.AddRange(page.Select(d => KeyOf(JsonNode.Parse(d.Body)!)));
                    if (page.Count < 40)
                    {
                        break;
                    }

                    rows = RowRange.All.After(page[^1].RowId);
                }

                Assert.Equal(found.Count, found.Distinct(StringComparer.Ordinal).Count());
                Assert.Empty(before.Except(found));
                Assert.Empty(found.Except(Visible(begun)));
            }
        }
        finally
        {
            Volatile.Write(ref isOver, true);
            await Task.WhenAll(writers);
        }

        static string KeyOf(JsonNode body) => $"{(long)body["schoolReference"]!["schoolId"]!} {(string)body["classPeriodName"]!}";
    }

    [Fact]
    public async Task What_was_found_of_a_list_holds_only_until_something_that_it_rests_on_is_written()
    {
        var world = await ClassesAsync();
        CallerClaims[] callers = [new([1], []), new([2], []), new([1, .. Enumerable.Range(5_000, 100).Select(i => (long)i)], [])];

        // An enrolment ends, and one begins.
        await AfterAsync(() => EndAsync("S1", 10));
        await AfterAsync(() => EnrollAsync("S4", 10));

        // One becomes another student's.
        await AfterAsync(async () =>
        {
            Assert.IsType<WriteOutcome.Updated>(await world.PutAsync(await IdOfAsync("studentSchoolAssociations", World.Enrollment("S2", 10)), "studentSchoolAssociations", World.Enrollment("S9", 10)));
            Enrolments.Remove(("S2", 10));
            Enrolments.Add(("S9", 10));
        });

        // A document becomes another student's, whom the caller may not see, and then one's whom it may; another goes, and one comes.
        var mine = await IdOfAsync("studentSectionAssociations", World.SectionEnrollment("S3", SectionOf10));
        await AfterAsync(async () => Assert.IsType<WriteOutcome.Updated>(await world.PutAsync(mine, "studentSectionAssociations", World.SectionEnrollment("S14", SectionOf10, "2025-08-21"))));
        await AfterAsync(async () => Assert.IsType<WriteOutcome.Updated>(await world.PutAsync(mine, "studentSectionAssociations", World.SectionEnrollment("S5", SectionOf10, "2025-08-21"))));
        await AfterAsync(async () => Assert.IsType<WriteOutcome.Deleted>(await world.DeleteAsync("studentSectionAssociations", mine)));
        await AfterAsync(() => world.CreateAsync("studentSectionAssociations", World.SectionEnrollment("S3", SectionOf10)));

        // A school goes to another district, and back.
        await AfterAsync(() => MoveAsync(30, 1));
        await AfterAsync(() => MoveAsync(30, 2));

        // Something that makes no difference to who sees what, and then again something that does.
        await AfterAsync(() => world.CreateAsync("students", World.Student("Other")));
        await AfterAsync(() => EndAsync("S6", 10));

        async Task AfterAsync(Func<Task> change)
        {
            // Once more than it takes to know everything; then what is known while the change is new, and when it has settled.
            Settle();
            await CompareClassesAsync(world, callers, walks: 3);
            await change();
            await CompareClassesAsync(world, callers, walks: 2);
            Settle();
            await CompareClassesAsync(world, callers, walks: 3);
        }

        async Task EndAsync(string student, long school)
        {
            Assert.IsType<WriteOutcome.Deleted>(await world.DeleteAsync("studentSchoolAssociations", await IdOfAsync("studentSchoolAssociations", World.Enrollment(student, school))));
            Enrolments.Remove((student, school));
        }

        async Task EnrollAsync(string student, long school)
        {
            await world.CreateAsync("studentSchoolAssociations", World.Enrollment(student, school));
            Enrolments.Add((student, school));
        }

        async Task MoveAsync(long school, long district)
        {
            Assert.IsType<WriteOutcome.Updated>(await world.PostAsync("schools", World.School(school, district)));
            _districtOf[school] = district;
        }

        async Task<Guid> IdOfAsync(string endpoint, string body) => Assert.IsType<WriteOutcome.Unchanged>(await world.PostAsync(endpoint, body)).Id;
    }

    protected static readonly string SectionOf10 = World.SectionReference("A", "M1", "Fall", 10);

    /// <summary>Sixty students in one class of school 10; every fifth is enrolled in another district's school 30 instead.</summary>
    protected async Task<World> ClassesAsync()
    {
        var world = new World(await OpenAsync());
        await world.SeedAsync();
        await world.SeedCourseAsync();
        await world.CreateAsync("localEducationAgencies", World.District(2));
        await world.CreateAsync("schools", World.School(30, 2));
        (_districtOf[10], _districtOf[20], _districtOf[30]) = (1, 1, 2);
        await world.CreateAsync("sessions", World.Session("Fall", 10));
        await world.CreateAsync("courseOfferings", World.CourseOffering("M1", "Fall", 10));
        await world.CreateAsync("sections", World.Section("A", "M1", "Fall", 10));
        for (var i = 0; i < 60; i++)
        {
            var (student, school) = ($"S{i}", i % 5 == 4 ? 30 : 10);
            await world.CreateAsync("students", World.Student(student));
            await world.CreateAsync("studentSchoolAssociations", World.Enrollment(student, school));
            await world.CreateAsync("studentSectionAssociations", World.SectionEnrollment(student, SectionOf10));
            Enrolments.Add((student, school));
        }

        return world;
    }

    /// <summary>Compares the classes' and the students' lists, page by page, with what a look at every document gives.</summary>
    protected async Task CompareClassesAsync(World world, CallerClaims[] callers, int walks)
    {
        foreach (var (endpoint, claims) in callers.SelectMany(c => ((string[])["studentSectionAssociations", "students"]).Select(e => (e, c))))
        {
            bool IsOwn(long school) => claims.Organizations.Contains(school) || claims.Organizations.Contains(_districtOf[school]);
            bool MaySee(JsonNode body)
            {
                var student = (string)(endpoint == "students" ? body : body["studentReference"]!)["studentUniqueId"]!;
                return (endpoint == "students" || IsOwn(10)) && Enrolments.Any(e => e.Student == student && IsOwn(e.School));
            }

            var access = AccessOf(endpoint, ["RelationshipsWithEdOrgsAndPeople"], claims);
            var all = (await QueryAsync(world, endpoint, Access.Everything, 0, 5_000, null, null)).Documents;
            var visible = all.Where(d => MaySee(JsonNode.Parse(d.Body)!)).Select(d => d.RowId).ToArray();
            for (var walk = 0; walk < walks; walk++)
            {
                var found = new List<long>();
                for (RowRange? rows = RowRange.All; rows is not null;)
                {
                    var page = new CapturedPage();
                    await world.Store.QueryAsync(
                        new QueryPlan(World.Resource(endpoint), 0, 7, false, null, null, null, [], false) { Access = access, Rows = rows, IsCursor = true }, page, default);
                    found.AddRange(page.Documents.Select(d => d.RowId));
                    rows = page.Documents.Count < 7 ? null : RowRange.All.After(page.Documents[^1].RowId);
                }

                Assert.True(visible.SequenceEqual(found), $"{endpoint}, {claims.Organizations.Length} organizations, walk {walk}: {visible.Length} and not {found.Count}");
            }
        }
    }

    private async Task FillAsync(World world, Random random)
    {
        await world.SeedAsync();
        _districtOf[10] = _districtOf[20] = 1;
        for (var district = 2; district <= Districts; district++)
        {
            await world.CreateAsync("localEducationAgencies", World.District(district));
        }

        await Task.WhenAll(Enumerable.Range(0, Schools).Select(i =>
        {
            _districtOf[100 + i] = 1 + (i % Districts);
            return world.CreateAsync("schools", World.School(100 + i, _districtOf[100 + i]));
        }));
        await Task.WhenAll(Enumerable.Range(0, 150).Select(i => world.CreateAsync("students", World.Student($"S{i}"))));
        for (var i = 0; i < 40; i++)
        {
            await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => AddAsync(world, random)));
        }
    }

    /// <summary>A class period, an enrolment or a program; some schools have most of them.</summary>
    private async Task AddAsync(World world, Random random)
    {
        var school = _districtOf.Keys.ElementAt(random.Next(3) == 0 ? random.Next(_districtOf.Count) : random.Next(4));
        var student = $"S{random.Next(150)}";
        switch (random.Next(4))
        {
            case 0:
                if (await world.PostAsync("studentSchoolAssociations", World.Enrollment(student, school)) is WriteOutcome.Created)
                {
                    lock (Enrolments)
                    {
                        Enrolments.Add((student, school));
                    }
                }

                break;
            case 1:
                await world.PostAsync("programs", World.Program($"P{random.Next(1_000_000)}", random.Next(2) == 0 ? school : 1 + random.Next(Districts)));
                break;
            default:
                await world.PostAsync("classPeriods", World.ClassPeriod($"C{random.Next(1_000_000)}", school));
                break;
        }
    }

    private async Task ChangeAsync(World world, Random random)
    {
        switch (random.Next(5))
        {
            case 0:
                var school = _districtOf.Keys.ElementAt(random.Next(_districtOf.Count));
                _districtOf[school] = 1 + random.Next(Districts);
                await world.PostAsync("schools", World.School(school, _districtOf[school]));
                break;
            case 1 when Enrolments.Count > 20:
                var ended = Enrolments[random.Next(Enrolments.Count)];
                var body = World.Enrollment(ended.Student, ended.School);
                var id = Assert.IsType<WriteOutcome.Unchanged>(await world.PostAsync("studentSchoolAssociations", body)).Id;
                Assert.IsType<WriteOutcome.Deleted>(await world.DeleteAsync("studentSchoolAssociations", id));
                Enrolments.Remove(ended);
                break;
            case 2:
                // A school of its own, which nobody had documents of before.
                var added = 1_000 + _districtOf.Count;
                _districtOf[added] = 1 + random.Next(Districts);
                await world.CreateAsync("schools", World.School(added, _districtOf[added]));
                await world.CreateAsync("classPeriods", World.ClassPeriod("First", added));
                break;
            default:
                await AddAsync(world, random);
                break;
        }
    }

    /// <summary>Of few organizations, of more than are looked at for every page, and of thousands.</summary>
    private CallerClaims[] Callers(Random random) =>
    [
        new([1], []), new([2], []), new([100], []), new([3, 10, 101], []), new([1, 2, 3, 4, 5], []),
        new([4, .. Enumerable.Range(5_000, 300).Select(i => (long)i)], []),
        new([2, .. Enumerable.Range(5_000, 3_000).Select(i => (long)i)], []),
        new([1, 2, 3, 4, .. Enumerable.Range(5_000, 3_000).Select(i => (long)i)], []),
        new([.. _districtOf.Keys.Where(_ => random.Next(8) > 0)], []),
        new([.. Enumerable.Range(5_000, 2_000).Select(i => (long)i)], []),
    ];

    private async Task CompareAsync(World world, CallerClaims claims, Random random)
    {
        var (endpoint, strategies) = random.Next(5) switch
        {
            0 => ("classPeriods", (string[])["RelationshipsWithEdOrgsOnly"]),
            1 => ("studentSchoolAssociations", ["RelationshipsWithEdOrgsAndPeople"]),
            2 => ("students", ["RelationshipsWithEdOrgsAndPeople"]),
            3 => ("programs", ["RelationshipsWithEdOrgsOnly", "RelationshipsWithEdOrgsOnlyInverted"]),
            _ => ("studentSchoolAssociations", ["RelationshipsWithStudentsOnly"]),
        };
        var all = (await QueryAsync(world, endpoint, Access.Everything, 0, 5_000, null, null)).Documents;
        var newest = await world.NewestAsync();
        var (min, max) = random.Next(4) switch
        {
            0 => ((long?)1, (long?)null),
            1 => (1, newest - random.Next(50)),
            2 => (newest - random.Next(300), null),
            _ => (null, null),
        };
        RowRange? rows = random.Next(3) == 0 ? new RowRange(all[random.Next(all.Count)].RowId, random.Next(2) == 0 ? long.MaxValue : all[^1].RowId - random.Next(50)) : null;
        var (offset, limit) = rows is null && random.Next(2) == 0 ? (random.Next(40), random.Next(1, 60)) : (0, random.Next(1, 300));
        var visible = all.Where(d =>
            MaySee(endpoint, strategies, claims, JsonNode.Parse(d.Body)!) && !(d.ChangeVersion < min) && !(d.ChangeVersion > max)
            && !(d.RowId < rows?.First) && !(d.RowId > rows?.Last)).ToArray();
        var found = await QueryAsync(world, endpoint, AccessOf(endpoint, strategies, claims), offset, limit, min, max, rows);
        var told = $"{endpoint} {string.Join('+', strategies)}, {claims.Organizations.Length} organizations, offset {offset}, limit {limit}, {min} to {max}, {rows}";
        Assert.True(visible.Skip(offset).Take(limit).Select(d => d.RowId).SequenceEqual(found.Documents.Select(d => d.RowId)), told);
        Assert.True(visible.Length == found.TotalCount, $"{told}: {visible.Length} and not {found.TotalCount}");
        _ways.Add($"{endpoint} {strategies[0]} {(claims.Organizations.Length > 1_000 ? "thousands" : claims.Organizations.Length > 64 ? "many" : "few")}");
        _ways.Add($"{(min is null && max is null ? "all" : "window")} {(offset > 0 ? "offset" : rows is not null ? "range" : "start")}");
    }

    private bool MaySee(string endpoint, string[] strategies, CallerClaims claims, JsonNode body)
    {
        var own = claims.Organizations;
        bool IsBelow(long organization) => own.Contains(organization) || (_districtOf.TryGetValue(organization, out var district) && own.Contains(district));
        bool IsAbove(long organization) => own.Contains(organization) || own.Any(o => _districtOf.TryGetValue(o, out var district) && district == organization);
        bool IsEnrolled(string student) => Enrolments.Any(e => e.Student == student && IsBelow(e.School));
        return endpoint switch
        {
            "classPeriods" => IsBelow((long)body["schoolReference"]!["schoolId"]!),
            "programs" => IsBelow((long)body["educationOrganizationReference"]!["educationOrganizationId"]!) || IsAbove((long)body["educationOrganizationReference"]!["educationOrganizationId"]!),
            "students" => IsEnrolled((string)body["studentUniqueId"]!),
            _ when strategies[0] == "RelationshipsWithStudentsOnly" => IsEnrolled((string)body["studentReference"]!["studentUniqueId"]!),
            _ => IsBelow((long)body["schoolReference"]!["schoolId"]!) && IsEnrolled((string)body["studentReference"]!["studentUniqueId"]!),
        };
    }

    private Access AccessOf(string endpoint, string[] strategies, CallerClaims claims)
    {
        var name = $"{endpoint} {string.Join('+', strategies)}";
        return Access.To(_plans.TryGetValue(name, out var plan) ? plan : _plans[name] = PlanOf(endpoint, strategies), claims);
    }

    private static AccessPlan PlanOf(string endpoint, string[] strategies)
    {
        var elements = Element.Of(World.Resource(endpoint));
        var plans = strategies.Select(name =>
        {
            var strategy = Strategy.Find(name)!;
            return new RelationshipPlan(strategy, [.. Enumerable.Range(0, elements.Length).Where(i => strategy.Kinds.Contains(elements[i].Kind))
                .Select(i => new ElementCheck(i, elements[i].Kind != ElementKind.Organization ? Reach.Enrolment : strategy.Direction == Direction.Below ? Reach.Below : Reach.Above))]);
        });
        return new AccessPlan(World.Resource(endpoint), ClaimAction.Read, elements, [], false, [.. plans]);
    }

    private static async Task<CapturedPage> QueryAsync(
        World world, string endpoint, Access access, long offset, int limit, long? min, long? max, RowRange? rows = null)
    {
        var page = new CapturedPage();
        await world.Store.QueryAsync(
            new QueryPlan(World.Resource(endpoint), offset, limit, true, null, min, max, [], false) { Access = access, Rows = rows, IsCursor = rows is not null }, page, default);
        return page;
    }
}
