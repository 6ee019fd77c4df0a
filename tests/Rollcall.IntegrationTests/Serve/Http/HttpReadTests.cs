using System.Text.Json.Nodes;

namespace Rollcall.IntegrationTests.Serve.Http;

/// <summary>GET of many: pages, filters, and every parameter error in its place, on both stores.</summary>
public abstract class HttpReadTests(HttpServer server)
{
    private const string Students = "/data/v3/ed-fi/students";
    private const string Weeks = "/data/v3/ed-fi/academicWeeks";

    [Rule("3.7.paging", "3.7.total-count")]
    [Fact]
    public async Task Pages_cover_everything_once_and_the_count_is_of_all()
    {
        var school = server.UniqueNumber();
        await server.EnsureSchoolAsync(school);
        var weeks = Enumerable.Range(0, 7).Select(_ => server.Unique("paged-")).ToArray();
        foreach (var week in weeks)
        {
            (await server.PostAsync(Weeks, HttpServer.Week(school, week))).Is(201);
        }

        var seen = new List<string>();
        for (var offset = 0; offset < 9; offset += 3)
        {
            var page = (await server.GetAsync($"{Weeks}?schoolId={school}&offset={offset}&limit=3&totalCount=TRUE")).Is(200).HasHeader("Total-Count", "7");
            seen.AddRange(page.Json!.AsArray().Select(w => (string)w!["weekIdentifier"]!));
        }

        Assert.Equal(weeks, seen);
        (await server.GetAsync($"{Weeks}?schoolId={school}&limit=0&totalCount=true")).HasBody("[]").HasHeader("Total-Count", "7");
        (await server.GetAsync($"{Weeks}?schoolId={school}&offset=100")).HasBody("[]").HasHeader("Total-Count", null);
        (await server.GetAsync($"{Weeks}?schoolId=4&totalCount=true")).HasBody("[]").HasHeader("Total-Count", "0");
        (await server.GetAsync($"{Weeks}?schoolId={school}&totalCount=false")).HasHeader("Total-Count", null);
    }

    [Rule("3.6.get", "0.2.json-utf8")]
    [Fact]
    public async Task A_list_has_the_same_documents_as_their_own_addresses()
    {
        var key = server.Unique("same-");
        var created = await server.PostAsync(Students, HttpServer.Student(key));
        var item = await server.GetAsync(created.Header("Location")!);
        var list = (await server.GetAsync($"{Students}?studentUniqueId={key}")).Is(200);
        Assert.Equal($"[{item.Body}]", list.Body);
        list.HasHeader("ETag", null).HasHeader("Content-Type", "application/json; charset=utf-8");
    }

    [Rule("3.7.fields", "3.7.last-counts")]
    [Fact]
    public async Task Fields_and_values_compare_without_case_and_last_of_a_name_counts()
    {
        var key = server.Unique("Case-");
        await server.PostAsync(Students, HttpServer.Student(key));
        foreach (var query in (string[])
            [$"STUDENTUNIQUEID={key}", $"studentUniqueId={key.ToUpperInvariant()}", $"studentUniqueId=x&StudentUniqueId={key}",
            $"studentUniqueId={key}&firstName=ada&lastSurname=Byron&birthDate=2010-12-10T10:00:00Z&unused=".Replace("&unused=", "", StringComparison.Ordinal)])
        {
            Assert.Single((await server.GetAsync($"{Students}?{query}")).Is(200).Json!.AsArray());
        }

        (await server.GetAsync($"{Students}?studentUniqueId={key}&firstName=Bob")).HasBody("[]");
    }

    [Rule("3.7.id-field", "3.2.ids", "11.8.id-text")]
    [Fact]
    public async Task Id_is_a_field_in_any_form_and_anything_else_matches_nothing()
    {
        var created = await server.PostAsync(Students, HttpServer.Student(server.Unique("id-")));
        var id = Guid.Parse(created.Id);
        foreach (var text in (string[])[$"{id:D}", $"{id:N}", $"{id:D}".ToUpperInvariant()])
        {
            Assert.Single((await server.GetAsync($"{Students}?id={text}")).Is(200).Json!.AsArray());
        }

        (await server.GetAsync($"{Students}?id={Guid.NewGuid()}&totalCount=true")).Is(200).HasBody("[]").HasHeader("Total-Count", "0");
        (await server.GetAsync($"{Students}?id=none&totalCount=true")).Is(200).HasBody("[]").HasHeader("Total-Count", "0");
    }

    [Rule("3.7.descriptors", "0.1.plus-is-space")]
    [Fact]
    public async Task Descriptors_are_found_by_uri_and_unknown_ones_match_nothing()
    {
        var school = server.UniqueNumber();
        await server.EnsureSchoolAsync(school);
        var key = server.Unique("enrolled-");
        await server.PostAsync(Students, HttpServer.Student(key));
        (await server.PostAsync("/data/v3/ed-fi/studentSchoolAssociations", new JsonObject
        {
            ["entryDate"] = "2025-08-20",
            ["entryGradeLevelDescriptor"] = "uri://ed-fi.org/GradeLevelDescriptor#tenth GRADE",
            ["schoolReference"] = new JsonObject { ["schoolId"] = school },
            ["studentReference"] = new JsonObject { ["studentUniqueId"] = key },
        }.ToJsonString())).Is(201);

        var found = await server.GetAsync($"/data/v3/ed-fi/studentSchoolAssociations?schoolId={school}&entryGradeLevelDescriptor=uri://ed-fi.org/GradeLevelDescriptor%23tenth%20grade");
        Assert.Equal("uri://ed-fi.org/GradeLevelDescriptor#Tenth grade", (string)Assert.Single(found.Is(200).Json!.AsArray())!["entryGradeLevelDescriptor"]!);
        (await server.GetAsync($"/data/v3/ed-fi/studentSchoolAssociations?schoolId={school}&entryGradeLevelDescriptor=uri://x%23y")).Is(200).HasBody("[]");
        (await server.GetAsync("/data/v3/ed-fi/gradeLevelDescriptors?codeValue=tenth+grade&namespace=uri%3A%2F%2Fed-fi.org%2FGradeLevelDescriptor")).Is(200);
        Assert.Single((await server.GetAsync("/data/v3/ed-fi/gradeLevelDescriptors?codeValue=tenth+grade&namespace=uri%3A%2F%2Fed-fi.org%2FGradeLevelDescriptor")).Json!.AsArray());
        (await server.GetAsync("/data/v3/ed-fi/gradeLevelDescriptors?namespace=uri://ed-fi.org/GradeLevelDescriptor%23Tenth%20grade")).HasBody("[]");
    }

    [Rule("3.7.text-is-data")]
    [Fact]
    public async Task Text_is_data_whatever_it_says()
    {
        (await server.GetAsync($"{Students}?firstName=%27%3B+drop+table+x%3B--")).Is(200).HasBody("[]");
        (await server.GetAsync($"{Students}?firstName=%25")).Is(200).HasBody("[]");
        (await server.GetAsync($"{Students}?firstName=")).Is(200).HasBody("[]");
    }

    [Rule("3.7.parameter-faults", "10.page-maximum", "11.27.limit-texts")]
    [Theory]
    [InlineData("offset=-1", "Offset must be a numeric value greater than or equal to 0.")]
    [InlineData("offset=", "Offset must be a numeric value greater than or equal to 0.")]
    [InlineData("offset=2147483648", "Offset must be a numeric value greater than or equal to 0.")]
    [InlineData("offset=%271%27", "Offset must be a numeric value greater than or equal to 0.")]
    [InlineData("limit=501", "Limit must be omitted or set to a numeric value between 0 and 500.")]
    [InlineData("limit=x", "Limit must be omitted or set to a numeric value between 0 and 500.")]
    [InlineData("totalCount=1", "TotalCount must be a boolean value.")]
    [InlineData("totalCount=", "TotalCount must be a boolean value.")]
    [InlineData("minChangeVersion=-1", "MinChangeVersion must be a numeric value greater than or equal to 0.")]
    [InlineData("maxChangeVersion=x", "MaxChangeVersion must be a numeric value greater than or equal to 0.")]
    [InlineData("minChangeVersion=2&maxChangeVersion=1", "MinChangeVersion must be less than or equal to MaxChangeVersion.")]
    [InlineData("totalCount=7&limit=-1&offset=y", "Offset must be a numeric value greater than or equal to 0.|Limit must be omitted or set to a numeric value between 0 and 500.|TotalCount must be a boolean value.")]
    [InlineData("minChangeVersion=x&maxChangeVersion=y", "MinChangeVersion must be a numeric value greater than or equal to 0.|MaxChangeVersion must be a numeric value greater than or equal to 0.")]
    [InlineData("minChangeVersion=x&limit=-1&nonsense=1", "Limit must be omitted or set to a numeric value between 0 and 500.")]
    [InlineData("minChangeVersion=x&nonsense=1", "MinChangeVersion must be a numeric value greater than or equal to 0.")]
    public async Task Parameter_faults_of_the_first_kind_are_reported_together(string query, string errors)
    {
        var expected = new JsonObject
        {
            ["detail"] = "Parameters supplied to the request were invalid.",
            ["type"] = "urn:ed-fi:api:bad-request:parameter-validation-failed",
            ["title"] = "Parameter Validation Failed",
            ["validationErrors"] = new JsonObject(),
            ["errors"] = new JsonArray([.. errors.Split('|').Select(e => JsonValue.Create(e))]),
        }.ToJsonString();
        (await server.GetAsync($"{Students}?{query}")).IsProblem(400, expected);
        if (!query.Contains("nonsense", StringComparison.Ordinal))
        {
            (await server.GetAsync($"{Students}/deletes?{query}")).IsProblem(400, expected);
            (await server.GetAsync($"{Students}/keyChanges?{query}")).IsProblem(400, expected);
        }
    }

    [Rule("3.7.unknown-field", "11.14.unknown-field")]
    [Theory]
    [InlineData("a%20b=1&c=2&birthDate=soon", "a b")]
    [InlineData("_lastModifiedDate=2020-01-01", "_lastModifiedDate")]
    public async Task The_first_unknown_field_is_refused_before_any_bad_value(string query, string field)
    {
        (await server.GetAsync($"{Students}?{query}")).IsProblem(400, $$"""
            {
              "detail": "The request could not be processed. See 'errors' for details.",
              "type": "urn:ed-fi:api:bad-request",
              "title": "Bad Request",
              "validationErrors": {},
              "errors": ["The query field '{{field}}' is not valid for this resource."]
            }
            """);
    }

    [Rule("3.7.bad-values")]
    [Fact]
    public async Task Bad_values_are_reported_together_under_the_path_of_the_member()
    {
        (await server.GetAsync($"{Weeks}?BeginDate=soon&schoolId=many&totalInstructionalDays=few&weekIdentifier=any")).IsProblem(400, """
            {
              "detail": "Data validation failed. See 'validationErrors' for details.",
              "type": "urn:ed-fi:api:bad-request:data-validation-failed",
              "title": "Data Validation Failed",
              "validationErrors": {
                "$.beginDate": ["The value 'soon' is not valid for BeginDate."],
                "$.schoolReference.schoolId": ["The value 'many' is not valid for schoolId."],
                "$.totalInstructionalDays": ["The value 'few' is not valid for totalInstructionalDays."]
              },
              "errors": []
            }
            """);
    }

    [Rule("3.7.change-window")]
    [Fact]
    public async Task Change_versions_bound_a_list_on_both_sides_inclusively()
    {
        var school = server.UniqueNumber();
        await server.EnsureSchoolAsync(school);
        var versions = new List<long>();
        foreach (var week in Enumerable.Range(0, 4).Select(_ => server.Unique("bounded-")))
        {
            var created = await server.PostAsync(Weeks, HttpServer.Week(school, week));
            versions.Add(long.Parse(created.Header("ETag")!.Trim('"').Split('-')[0], System.Globalization.CultureInfo.InvariantCulture));
        }

        Assert.Equal(versions.Order(), versions);
        Assert.Equal(2, (await CountAsync($"minChangeVersion={versions[1]}&maxChangeVersion={versions[2]}")));
        Assert.Equal(3, (await CountAsync($"minChangeVersion={versions[1]}")));
        Assert.Equal(1, (await CountAsync($"maxChangeVersion={versions[0]}")));
        Assert.Equal(4, (await CountAsync("minChangeVersion=0&maxChangeVersion=")));

        async Task<int> CountAsync(string window)
        {
            var answer = (await server.GetAsync($"{Weeks}?schoolId={school}&{window}&totalCount=true")).Is(200);
            Assert.Equal(answer.Json!.AsArray().Count.ToString(System.Globalization.CultureInfo.InvariantCulture), answer.Header("Total-Count"));
            return answer.Json!.AsArray().Count;
        }
    }
}

[Collection(SqliteCollection.Name)]
public sealed class SqliteHttpReadTests(SqliteServer server) : HttpReadTests(server);

[Collection(PostgresCollection.Name)]
public sealed class PostgresHttpReadTests(PostgresServer server) : HttpReadTests(server.OrSkip());
