namespace Rollcall.IntegrationTests.EndToEnd.Histories;

/// <summary>Publishing between two servers of our own while the publisher, the source or the target is killed with <c>kill -9</c> in every
/// stage of a run: both sides end equal, nothing is noted before it is at the target, and hardly anything is sent again. All processes are
/// real; writes are counted before the target, and the two sides compared by what any client reads.</summary>
public sealed class PublishHistoryTests(PostgresFixture postgres, ITestOutputHelper output)
{
    [Fact]
    public async Task Whoever_is_killed_and_whenever_both_sides_end_equal_and_little_is_sent_again()
    {
        Assert.SkipUnless(Environment.GetEnvironmentVariable(PostgresFixture.Variable) is { Length: > 0 }, $"{PostgresFixture.Variable} is not set.");
        var (histories, lanes, students) = LongRun.IsOn ? (200, 4, 3500) : (6, 2, 800);
        const int Seed = 20261122;
        output.WriteLine($"seed {Seed}");
        var counts = new HistoryCounts();
        await Task.WhenAll(Enumerable.Range(0, lanes).Select(lane => Task.Run(() => LiveAsync(lane, lanes, histories, new LivingSchool(students), Seed, counts))));

        output.WriteLine(counts.ToString());
        Assert.Equal(histories, counts.Histories);
        var (stages, victims) = (Enum.GetValues<KillStage>(), Enum.GetValues<Victim>());
        Assert.True(stages.All(s => victims.Any(v => counts.Of(s, v) > 0)), $"seed {Seed}: {counts}");
        Assert.True(victims.All(v => stages.Any(s => counts.Of(s, v) > 0)), $"seed {Seed}: {counts}");
        if (LongRun.IsOn)
        {
            Assert.True(stages.All(s => victims.All(v => counts.Of(s, v) > 0)), $"seed {Seed}: {counts}");
        }

        Assert.True(counts.Again * 200 < counts.Needed, $"seed {Seed}: {counts}");
    }

    private async Task LiveAsync(int number, int lanes, int histories, LivingSchool school, int seed, HistoryCounts counts)
    {
        await using var database = await postgres.WithSandboxAsync();
        await using var lane = await HistoryLane.StartAsync(school, counts, output.WriteLine, database.ConnectionString, isSourceSqlite: number % 2 == 0);
        for (var history = number; history < histories; history += lanes)
        {
            var random = new Random(seed + history);
            // Every fifth from a snapshot; the second one first, because a new snapshot takes a pause.
            await lane.LiveAsync($"seed {seed}, history {history}", Kills(history, random), isolated: history % 5 == 1, random);
        }
    }

    /// <summary>The first histories meet every stage, each with the publisher and one of the servers; the others whatever comes.</summary>
    private static List<Kill> Kills(int history, Random random)
    {
        if (history < 6)
        {
            var shares = new[] { random.NextDouble(), random.NextDouble() }.Order().ToArray();
            var stage = (KillStage)(history % 5);
            // At the end only a server that goes first lets the publisher be met too.
            Victim[] victims = history % 2 == 0 ? [Victim.Source, Victim.Publisher] : [Victim.Publisher, Victim.Target];
            return [.. victims.Select((v, i) => new Kill(stage, v, shares[i]))];
        }

        return [.. Enumerable.Range(0, random.Next(1, 4))
            .Select(_ => new Kill((KillStage)random.Next(5), (Victim)random.Next(3), random.NextDouble()))
            .OrderBy(k => k.Stage).ThenBy(k => k.Share)];
    }
}
