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
    private readonly List<(string Student, long School)> _enrolments = [];
    private readonly HashSet<string> _ways = [];

    /// <summary>A server has one plan for all requests of a claim set: what a store remembers of it is used.</summary>
    private readonly Dictionary<string, AccessPlan> _plans = [];

    /// <summary>A store whose change versions begin far up, so that a window from 1 on is a wide one.</summary>
    protected abstract Task<IDocumentStore> OpenAsync();

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
                    lock (_enrolments)
                    {
                        _enrolments.Add((student, school));
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
            case 1 when _enrolments.Count > 20:
                var ended = _enrolments[random.Next(_enrolments.Count)];
                var body = World.Enrollment(ended.Student, ended.School);
                var id = Assert.IsType<WriteOutcome.Unchanged>(await world.PostAsync("studentSchoolAssociations", body)).Id;
                Assert.IsType<WriteOutcome.Deleted>(await world.DeleteAsync("studentSchoolAssociations", id));
                _enrolments.Remove(ended);
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
        bool IsEnrolled(string student) => _enrolments.Any(e => e.Student == student && IsBelow(e.School));
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
