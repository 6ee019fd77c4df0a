using System.Globalization;

namespace Rollcall.IntegrationTests.Serve.Http;

/// <summary>Lists walked by cursor, whole and in partitions, on both stores.</summary>
public abstract class HttpCursorTests(HttpServer server)
{
    private const string Weeks = "/data/v3/ed-fi/academicWeeks";
    private const string Token = "Next-Page-Token";

    [Rule("3.7.cursor-walk")]
    [Fact]
    public async Task A_walk_by_cursor_meets_every_document_once_while_others_come_and_go()
    {
        var school = await SchoolAsync();
        var created = await CreateAsync(school, 9);
        var first = (await server.GetAsync($"{Weeks}?schoolId={school}&limit=4&totalCount=true")).Is(200).HasHeader("Total-Count", "9");
        var seen = Names(first);
        Assert.Equal(created[..4], seen);

        // Behind the cursor, before it, and the last of a page: none may shift what follows.
        await DeleteAsync(school, created[0]);
        await DeleteAsync(school, created[3]);
        await DeleteAsync(school, created[6]);
        created.AddRange(await CreateAsync(school, 3));
        created.Remove(created[6]);
        for (var token = first.Header(Token); token is not null;)
        {
            Assert.Matches("^[A-Za-z0-9_-]+$", token);
            var page = (await server.GetAsync($"{Weeks}?schoolId={school}&pageToken={token}&pageSize=2")).Is(200).HasHeader("Total-Count", null);
            seen.AddRange(Names(page));
            Assert.True(seen.Count <= created.Count, "the walk does not end");
            token = page.Header(Token);
        }

        Assert.Equal(created, seen);
    }

    [Rule("3.7.cursor-walk", "11.28.next-page-token")]
    [Fact]
    public async Task A_token_is_given_when_more_may_follow_and_not_to_who_pages_by_offset()
    {
        var school = await SchoolAsync();
        await CreateAsync(school, 3);
        Assert.NotNull((await server.GetAsync($"{Weeks}?schoolId={school}&limit=2")).Header(Token));
        (await server.GetAsync($"{Weeks}?schoolId={school}&limit=4")).HasHeader(Token, null);
        (await server.GetAsync($"{Weeks}?schoolId={school}")).HasHeader(Token, null);
        (await server.GetAsync($"{Weeks}?schoolId={school}&limit=0")).HasHeader(Token, null).HasBody("[]");
        (await server.GetAsync($"{Weeks}?schoolId={school}&offset=0&limit=2")).HasHeader(Token, null);
        var full = (await server.GetAsync($"{Weeks}?schoolId={school}&limit=3")).Header(Token);
        Assert.NotNull(full);
        (await server.GetAsync($"{Weeks}?schoolId={school}&pageToken={full}")).Is(200).HasBody("[]").HasHeader(Token, null);
        var some = (await server.GetAsync($"{Weeks}?schoolId={school}&limit=1")).Header(Token);
        (await server.GetAsync($"{Weeks}?schoolId={school}&PAGETOKEN={some}&PageSize=0&totalCount=false")).Is(200).HasBody("[]").HasHeader(Token, null);
        Assert.Equal(2, Names(await server.GetAsync($"{Weeks}?schoolId={school}&pageToken={some}")).Count);
    }

    [Rule("3.7.cursor-window")]
    [Fact]
    public async Task A_walk_keeps_to_a_window_of_change_versions()
    {
        var school = await SchoolAsync();
        var all = await CreateAsync(school, 7);
        var versions = (await server.GetAsync($"{Weeks}?schoolId={school}")).Json!.AsArray()
            .Select(w => long.Parse(((string)w!["_etag"]!).Split('-')[0], CultureInfo.InvariantCulture)).ToList();
        var window = $"minChangeVersion={versions[1]}&maxChangeVersion={versions[5]}";
        foreach (var filter in (string[])[$"schoolId={school}&", ""])
        {
            var page = await server.GetAsync($"{Weeks}?{filter}{window}&limit=2");
            var seen = Names(page);
            while (page.Header(Token) is { } token)
            {
                page = (await server.GetAsync($"{Weeks}?{filter}{window}&pageToken={token}&pageSize=2")).Is(200);
                seen.AddRange(Names(page));
                Assert.True(seen.Count <= 100, "the walk does not end");
            }

            Assert.Equal(all[1..6], seen.Where(all.Contains));
        }
    }

    [Rule("3.7.cursor-faults")]
    [Fact]
    public async Task Only_one_fault_of_cursor_paging_is_reported_and_before_all_others()
    {
        var school = await SchoolAsync();
        await CreateAsync(school, 2);
        var token = (await server.GetAsync($"{Weeks}?schoolId={school}&limit=1")).Header(Token)!;
        var elsewhere = (await server.GetAsync("/data/v3/ed-fi/gradeLevelDescriptors?limit=1")).Header(Token)!;
        const string Required = "PageToken is required when pageSize is specified.";
        const string Invalid = "The page token provided was invalid.";
        const string Size = "PageSize must be a value between 0 and 500.";
        (string Query, string Message)[] faults =
        [
            ("pageSize=5", Required),
            ("pageSize=x&limit=3", Required),
            ("pageSize=5&limit=3&offset=1", Required),
            ("pageSize=", Required),
            ("pageSize=5&offset=1", "Use limit instead of pageSize when using limit/offset paging."),
            ("pageSize=5&offset=x&nonsense=1", "Use limit instead of pageSize when using limit/offset paging."),
            ("pageToken=", Invalid),
            ("pageToken=garbage&offset=1", Invalid),
            ($"pageToken={token}x", Invalid),
            ($"pageToken={token[..^1]}", Invalid),
            ($"pageToken={(token[0] == 'A' ? 'B' : 'A')}{token[1..]}&limit=2", Invalid),
            ($"pageToken={elsewhere}", Invalid),
            ("pageToken=%27%20OR%201%3D1%20--%20%27%27%27%27%27%27%27%27%27%27%27%27%27", Invalid),
            ($"pageToken={token}&offset=0&limit=x", "Both offset and pageToken parameters were provided, but they support alternative paging approaches and cannot be used together."),
            ($"pageToken={token}&limit=5&totalCount=true", "Use pageSize instead of limit when using cursor paging with pageToken."),
            ($"pageToken={token}&totalCount=TRUE&pageSize=501", "The totalCount parameter cannot be set to true when using cursor paging with pageToken."),
            ($"pageToken={token}&pageSize=501", Size),
            ($"pageToken={token}&pageSize=-1&minChangeVersion=x", Size),
            ($"pageToken={token}&pageSize=&totalCount=maybe", Size),
            ($"pageToken={token}&totalCount=maybe", "TotalCount must be a boolean value."),
            ($"pageToken={token}&minChangeVersion=x&nonsense=1", "MinChangeVersion must be a numeric value greater than or equal to 0."),
        ];
        foreach (var (query, message) in faults)
        {
            (await server.GetAsync($"{Weeks}?{query}")).IsProblem(400, Parameters(message));
        }
    }

    [Rule("3.7.partitions")]
    [Fact]
    public async Task Partitions_together_hold_every_document_once()
    {
        const int Count = 5_300;
        var school = await SchoolAsync();
        var names = Enumerable.Range(0, Count).Select(_ => server.Unique("parted-")).ToArray();
        await Parallel.ForEachAsync(names, new ParallelOptions { MaxDegreeOfParallelism = 32 }, async (name, _) =>
            (await server.PostAsync(Weeks, HttpServer.Week(school, name))).Is(201));

        foreach (var (number, parts) in ((int, int)[])[(1, 1), (2, 2), (3, 3), (200, 3)])
        {
            var tokens = await TokensAsync($"schoolId={school}&number={number}");
            Assert.Equal(parts, tokens.Count);
            var walks = await Task.WhenAll(tokens.Select(t => WalkAsync($"schoolId={school}", t)));
            Assert.Equal(names.Order(StringComparer.Ordinal), walks.SelectMany(w => w).Order(StringComparer.Ordinal));
        }

        // Without a filter too; what others have is in there as well.
        var all = await TokensAsync("");
        Assert.InRange(all.Count, 2, 10);
        var everything = (await Task.WhenAll(all.Select(t => WalkAsync("", t)))).SelectMany(w => w).ToList();
        Assert.Equal(everything.Count, everything.Distinct(StringComparer.Ordinal).Count());
        Assert.Empty(names.Except(everything, StringComparer.Ordinal));
    }

    [Rule("3.7.partitions")]
    [Fact]
    public async Task Few_documents_are_one_partition_and_none_are_none()
    {
        var school = await SchoolAsync();
        Assert.Empty(await TokensAsync($"schoolId={school}"));
        Assert.Empty(await TokensAsync("schoolId=4"));
        Assert.Empty(await TokensAsync("id=none"));
        var names = await CreateAsync(school, 3);
        var token = Assert.Single(await TokensAsync($"schoolId={school}&minChangeVersion=0&NUMBER=7"));
        Assert.Equal(names, await WalkAsync($"schoolId={school}", token));
        Assert.Empty(await TokensAsync($"schoolId={school}&minChangeVersion=999999999999"));
        var descriptors = (await server.GetAsync("/data/v3/ed-fi/gradeLevelDescriptors/partitions")).Is(200).Json!["pageTokens"]!.AsArray();
        Assert.NotEmpty((await server.GetAsync($"/data/v3/ed-fi/gradeLevelDescriptors?pageToken={descriptors[0]}")).Is(200).Json!.AsArray());
    }

    [Rule("3.7.partition-faults")]
    [Fact]
    public async Task Partitions_check_their_parameters_in_order()
    {
        const string Number = "Number of partitions must be between 1 and 200.";
        foreach (var number in (string[])["0", "201", "-1", "x", "", "1.5"])
        {
            (await server.GetAsync($"{Weeks}/partitions?number={number}&limit=3")).IsProblem(400, Parameters(Number));
        }

        (await server.GetAsync($"{Weeks}/partitions?totalCount=x&offset=1&limit=2&pageSize=3&pageToken=4")).IsProblem(400, Parameters(
            [.. ((string[])["pageToken", "pageSize", "limit", "offset", "totalCount"]).Select(n => $"The '{n}' parameter is not supported by the partitions endpoint.")]));
        (await server.GetAsync($"{Weeks}/partitions?minChangeVersion=x&nonsense=1&number=0")).IsProblem(400, Parameters("MinChangeVersion must be a numeric value greater than or equal to 0."));
        Assert.Contains("The query field 'nonsense' is not valid for this resource.", (await server.GetAsync($"{Weeks}/partitions?number=0&nonsense=1")).Is(400).Body, StringComparison.Ordinal);
        Assert.Contains("$.beginDate", (await server.GetAsync($"{Weeks}/partitions?number=0&beginDate=soon")).Is(400).Body, StringComparison.Ordinal);
    }

    [Rule("3.9.partition-methods")]
    [Fact]
    public async Task Partitions_are_only_read()
    {
        foreach (var (method, text) in ((string, string)[])[("POST", "Resource items can only be updated using PUT."), ("PUT", "Resource collections cannot be replaced."), ("DELETE", "Resource collections cannot be deleted."), ("PATCH", "The endpoint of the request does not support the 'PATCH' method.")])
        {
            var answer = (await server.SendAsync(method, $"{Weeks}/Partitions", "{}", "application/json", server.Bearer)).Is(405).HasHeader("Allow", "GET");
            Assert.StartsWith(text, (string)answer.Json!["errors"]![0]!, StringComparison.Ordinal);
        }

        (await server.GetAsync("/data/v3/ed-fi/nothing/partitions")).Is(404);
    }

    private static string Parameters(params string[] errors) => new System.Text.Json.Nodes.JsonObject
    {
        ["detail"] = "Parameters supplied to the request were invalid.",
        ["type"] = "urn:ed-fi:api:bad-request:parameter-validation-failed",
        ["title"] = "Parameter Validation Failed",
        ["validationErrors"] = new System.Text.Json.Nodes.JsonObject(),
        ["errors"] = new System.Text.Json.Nodes.JsonArray([.. errors.Select(e => System.Text.Json.Nodes.JsonValue.Create(e))]),
    }.ToJsonString();

    private async Task<int> SchoolAsync()
    {
        var school = server.UniqueNumber();
        await server.EnsureSchoolAsync(school);
        return school;
    }

    private async Task<List<string>> CreateAsync(int school, int count)
    {
        var names = Enumerable.Range(0, count).Select(_ => server.Unique("walked-")).ToList();
        foreach (var name in names)
        {
            (await server.PostAsync(Weeks, HttpServer.Week(school, name))).Is(201);
        }

        return names;
    }

    private async Task DeleteAsync(int school, string name)
    {
        var found = (await server.GetAsync($"{Weeks}?schoolId={school}&weekIdentifier={name}")).Json!.AsArray();
        (await server.DeleteAsync($"{Weeks}/{found[0]!["id"]}")).Is(204);
    }

    private async Task<List<string>> TokensAsync(string query) =>
        [.. (await server.GetAsync($"{Weeks}/partitions?{query}")).Is(200).Json!["pageTokens"]!.AsArray().Select(t => (string)t!)];

    private async Task<List<string>> WalkAsync(string query, string token)
    {
        var seen = new List<string>();
        for (string? next = token; next is not null;)
        {
            var page = (await server.GetAsync($"{Weeks}?{query}&pageToken={next}")).Is(200);
            seen.AddRange(Names(page));
            next = page.Header(Token);
        }

        return seen;
    }

    private static List<string> Names(HttpAnswer page) => [.. page.Json!.AsArray().Select(w => (string)w!["weekIdentifier"]!)];
}

[Collection(SqliteCollection.Name)]
public sealed class SqliteHttpCursorTests(SqliteServer server) : HttpCursorTests(server);

[Collection(PostgresCollection.Name)]
public sealed class PostgresHttpCursorTests(PostgresServer server) : HttpCursorTests(server.OrSkip());
