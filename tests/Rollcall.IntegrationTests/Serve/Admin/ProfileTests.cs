using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;
using Rollcall.IntegrationTests.Conformance;
using Rollcall.IntegrationTests.Serve.Http;
using Rollcall.Serve;
using Rollcall.Serve.Security;
using Rollcall.Serve.Storage;

namespace Rollcall.IntegrationTests.Serve.Admin;

/// <summary>Profiles over HTTP: which one applies, what it shows, what it keeps, what it refuses.</summary>
public abstract class ProfileTests(HttpServer server)
{
    private const string Schools = "/data/v3/ed-fi/schools";
    private const string Basics = """
        <Resource name="School"><ReadContentType memberSelection="IncludeOnly"><Property name="nameOfInstitution"/></ReadContentType>
        <WriteContentType memberSelection="ExcludeOnly"><Property name="webSite"/><Property name="addresses"/></WriteContentType></Resource>
        """;

    private readonly AdminClient _admin = new(server);

    [Fact]
    [Rule("7.2.implicit")]
    [Rule("7.4.read")]
    [Rule("7.4.etag")]
    public async Task An_assigned_profile_applies_of_itself_and_shows_only_what_it_names()
    {
        var (name, bearer, _) = await CallerAsync(Basics);
        var (id, schoolId) = await SchoolAsync();
        var item = (await server.SendAsync("GET", $"{Schools}/{id}", null, null, bearer)).Is(200);
        item.HasHeader("Content-Type", $"application/vnd.ed-fi.school.{name.ToLowerInvariant()}.readable+json");
        Assert.Equal(["id", "nameOfInstitution", "schoolId", "_etag", "_lastModifiedDate"], item.Json!.AsObject().Select(m => m.Key));
        var code = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(name)))[..8];
        Assert.Contains($".j.{code}.l.i", item.Header("ETag"), StringComparison.Ordinal);
        Assert.Equal(item.Header("ETag")!.Trim('"'), (string)item.Json["_etag"]!);

        var list = (await server.SendAsync("GET", $"{Schools}?schoolId={schoolId}&totalCount=true", null, null, bearer)).Is(200);
        list.HasHeader("Content-Type", item.Header("Content-Type")).HasHeader("Total-Count", "1");
        Assert.True(JsonNode.DeepEquals(item.Json, list.Json![0]));
        (await server.SendAsync("GET", $"{Schools}/{id}", null, null, bearer, ("If-None-Match", item.Header("ETag")!))).Is(304);

        // The whole resource has another tag, and is what a caller without profiles sees.
        var whole = (await server.GetAsync($"{Schools}/{id}")).Is(200);
        Assert.NotEqual(item.Header("ETag"), whole.Header("ETag"));
        Assert.Equal("http://a.example", (string)whole.Json!["webSite"]!);
        foreach (var path in (string[])["/deletes", "/keyChanges"])
        {
            (await server.SendAsync("GET", Schools + path, null, null, bearer)).Is(200).HasHeader("Content-Type", "application/json; charset=utf-8");
        }
    }

    [Theory]
    [InlineData("Get")]
    [InlineData("get")]
    [InlineData("gEt")]
    public async Task A_read_profile_applies_however_the_method_is_spelled(string method)
    {
        var (_, bearer, _) = await CallerAsync(Basics);
        var (id, _) = await SchoolAsync();
        var answer = await RawHttp.SendAsync(server.Root, $"{method} {Schools}/{id} HTTP/1.1\r\nHost: x\r\nAuthorization: {bearer}\r\nConnection: close\r\n\r\n");
        Assert.DoesNotContain("webSite", answer.Body, StringComparison.Ordinal);
        answer.Is(200);
        Assert.Equal(["id", "nameOfInstitution", "schoolId", "_etag", "_lastModifiedDate"], answer.Json!.AsObject().Select(m => m.Key));
    }

    [Theory]
    [InlineData("""{"\ud800":1}""")]
    [InlineData("""{"nameOfInstitution\udc00":1}""")]
    [InlineData("{\"\u00ff\":1}")]
    [InlineData("""{"addresses":[{"\ud800":1}],"schoolId":1}""")]
    [InlineData("""{"nameOfInstitution":"\ud800"}""")]
    public async Task A_body_with_a_name_that_is_no_text_is_refused_through_a_profile_as_without_one(string body)
    {
        var (name, bearer, _) = await CallerAsync(Basics);
        var (id, _) = await SchoolAsync();
        var bytes = Encoding.Latin1.GetBytes(body);
        foreach (var contentType in (string[])["application/json", $"application/vnd.ed-fi.school.{name.ToLowerInvariant()}.writable+json"])
        {
            (await server.SendBytesAsync("POST", Schools, bytes, contentType, bearer)).Is(400);
            (await server.SendBytesAsync("PUT", $"{Schools}/{id}", bytes, contentType, bearer)).Is(400);
        }
    }

    [Fact]
    [Rule("7.2.selection")]
    [Rule("7.3.header-errors")]
    public async Task Each_fault_of_a_profile_header_has_its_own_words()
    {
        var (name, bearer, _) = await CallerAsync(Basics + """<Resource name="Student"><WriteContentType memberSelection="IncludeAll"/></Resource>""");
        var (id, _) = await SchoolAsync();
        var item = $"{Schools}/{id}";
        var lower = name.ToLowerInvariant();
        const string detail = "The request construction was invalid with respect to usage of a data policy.";
        var open = server.Bearer;

        await Check(open, "GET", item, "application/vnd.ed-fi.nonsense", 400, detail, "The format of the profile-based content type header was invalid.");
        await Check(open, "PUT", item, "application/vnd.ed-fi.a.b", 400, detail, "The format of the profile-based content type header was invalid.");
        await Check(open, "GET", item, "application/vnd.ed-fi.school.none-such.readable+json", 406, detail, "The profile 'none-such' specified by the content type in the 'Accept' header is not supported by this host.");
        await Check(open, "POST", Schools, "application/vnd.ed-fi.school.none-such.writable+json", 415, detail, "The profile 'none-such' specified by the content type in the 'Content-Type' header is not supported by this host.");
        await Check(open, "GET", item, $"application/vnd.ed-fi.student.{lower}.readable+json", 400, detail, "The resource specified by the profile-based content type ('student') does not match the requested resource ('School').");
        await Check(open, "GET", item, $"application/vnd.ed-fi.school.{lower}.writable+json", 400, detail, "A profile-based content type that is writable cannot be used with GET requests.");
        await Check(open, "PUT", item, $"application/vnd.ed-fi.school.{lower}.readable+json", 400, detail, "A profile-based content type that is readable cannot be used with PUT requests.");
        await Check(open, "POST", Schools, $"application/vnd.ed-fi.school.{lower}.readable+json", 400, detail, "A profile-based content type that is readable cannot be used with POST requests.");
        await Check(open, "GET", "/data/v3/ed-fi/staffs", $"application/vnd.ed-fi.staff.{lower}.readable+json", 400, detail + " The resource is not contained by the profile used by (or applied to) the request.", $"Resource 'Staff' is not accessible through the '{lower}' profile specified by the content type.");
        (await Send(open, "GET", "/data/v3/ed-fi/students", $"application/vnd.ed-fi.student.{lower}.readable+json")).IsProblemJson(405, $$"""
            {
              "detail": "{{detail}} An attempt was made to access a resource that is not readable using the profile.",
              "type": "urn:ed-fi:api:profile:method-usage", "title": "Method Not Allowed with Profile",
              "errors": ["Resource class 'Student' is not readable using API profile '{{lower}}'."]
            }
            """);

        // Any letter case and parameters are fine; so is any other type, which asks for no profile.
        (await Send(open, "GET", item, $"application/vnd.ed-fi.SCHOOL.{name}.Readable+json; q=1.0")).Is(200);
        foreach (var none in (string[])["application/json", "text/json", "*/*"])
        {
            (await Send(open, "GET", item, none)).Is(200).HasHeader("Content-Type", "application/json; charset=utf-8");
        }

        // A caller that has a profile may not take another one.
        var (other, _, _) = await CallerAsync(Basics);
        (await Send(bearer, "GET", item, $"application/vnd.ed-fi.school.{other.ToLowerInvariant()}.readable+json")).IsProblem(403, $$"""
            {
              "detail": "A data policy failure was encountered. The request was not constructed correctly for the data policy that has been applied to this data for the caller.",
              "type": "urn:ed-fi:api:security:data-policy:incorrect-usage", "title": "Data Policy Failure Due to Incorrect Usage", "validationErrors": {},
              "errors": ["Based on profile assignments, one of the following profile-specific content types is required when requesting this resource: 'application/vnd.ed-fi.school.{{lower}}.readable+json'"]
            }
            """);

        async Task Check(string authorization, string method, string path, string header, int status, string expectedDetail, string error) =>
            (await Send(authorization, method, path, header)).IsProblemJson(status, new JsonObject
            {
                ["detail"] = expectedDetail,
                ["type"] = "urn:ed-fi:api:profile:invalid-profile-usage",
                ["title"] = "Invalid Profile Usage",
                ["errors"] = new JsonArray(error),
            }.ToJsonString());

        Task<HttpAnswer> Send(string authorization, string method, string path, string header) => method == "GET"
            ? server.SendAsync(method, path, null, null, authorization, ("Accept", header))
            : server.SendAsync(method, path, "{}", header, authorization);
    }

    [Fact]
    [Rule("7.2.body-first")]
    public async Task What_is_wrong_with_the_body_is_answered_before_the_profile_that_its_header_names()
    {
        var (name, bearer, first) = await CallerAsync(Basics);
        var (_, _, second) = await CallerAsync(Basics);
        var (_, two) = await _admin.CallerAsync(profiles: [first, second]);
        const string none = "application/vnd.ed-fi.school.none-such.writable+json";
        var (id, schoolId) = await SchoolAsync();
        var twice = $$"""{"schoolId":{{schoolId}},"webSite":"a","webSite":"b"}""";
        foreach (var (method, path) in new[] { ("POST", Schools), ("PUT", $"{Schools}/{id}") })
        {
            (await server.SendAsync(method, path, "{}", "text/xml", two)).Is(415);
            Assert.Equal("urn:ed-fi:api:unsupported-media-type", (string)(await server.SendAsync(method, path, "{}", "text/xml", two)).Json!["type"]!);
            Assert.Contains("non-empty request body", (await server.SendAsync(method, path, "", none, server.Bearer)).Is(400).Body, StringComparison.Ordinal);
            (await server.SendAsync(method, path, "{", none, server.Bearer)).Is(400);
            foreach (var (caller, type) in new[] { (server.Bearer, none), (bearer, "application/json"), (bearer, $"application/vnd.ed-fi.school.{name}.writable+json") })
            {
                Assert.Contains("An item with the same key has already been added.", (await server.SendAsync(method, path, twice, type, caller)).Is(400).Body, StringComparison.Ordinal);
            }
        }
    }

    [Fact]
    [Rule("7.4.hidden-fields")]
    public async Task A_member_that_is_hidden_can_not_be_found_out_by_asking_for_it()
    {
        var (_, bearer, _) = await CallerAsync(Basics);
        var (_, schoolId) = await SchoolAsync();
        foreach (var path in (string[])["", "/partitions"])
        {
            (await server.SendAsync("GET", $"{Schools}{path}?schoolId={schoolId}&nameOfInstitution=x", null, null, bearer)).Is(200);
            var hidden = (await server.SendAsync("GET", $"{Schools}{path}?schoolId={schoolId}&webSite=http://a.example", null, null, bearer)).Is(400);
            Assert.Contains("The query field 'webSite' is not valid for this resource.", hidden.Body, StringComparison.Ordinal);
            (await server.GetAsync($"{Schools}{path}?schoolId={schoolId}&webSite=http://a.example")).Is(200);
        }
    }

    [Fact]
    public async Task A_profile_of_a_client_that_has_no_application_is_renamed_with_it_and_not_removed()
    {
        var name = server.Unique("Profile-");
        var id = await _admin.ProfileAsync(name, $"""<Profile name="{name}">{Basics}</Profile>""");
        var key = server.Unique("terminal-");
        await server.Host.Stores.Credentials.PutClientAsync(
            new ApiClient(key, "terminal", SecretHash.Create("s"), "Ed-Fi Sandbox", ["uri://ed-fi.org"], [100], 1, true) { Profiles = [name] }, CancellationToken.None);
        var bearer = $"Bearer {await server.TokenAsync(key, "s")}";
        var (school, _) = await SchoolAsync();
        Assert.Null((await server.SendAsync("GET", $"{Schools}/{school}", null, null, bearer)).Is(200).Json!["webSite"]);
        Assert.Contains(key, (await _admin.SendAsync("DELETE", $"/v2/profiles/{id}")).Is(400).Body, StringComparison.Ordinal);

        var renamed = server.Unique("Renamed-");
        (await _admin.SendAsync("PUT", $"/v2/profiles/{id}", new JsonObject { ["name"] = renamed, ["definition"] = $"""<Profile name="{renamed}">{Basics}</Profile>""" })).Is(200);
        Assert.Null((await server.SendAsync("GET", $"{Schools}/{school}", null, null, bearer)).Is(200).Json!["webSite"]);
    }

    [Fact]
    public async Task A_name_that_no_header_can_hold_is_refused()
    {
        var name = server.Unique("Schüler-");
        (await _admin.SendAsync("POST", "/v2/profiles", new JsonObject { ["name"] = name, ["definition"] = $"""<Profile name="{name}">{Basics}</Profile>""" })).Is(400);
    }

    [Fact]
    [Rule("7.2.several")]
    public async Task Two_profiles_that_cover_a_resource_make_the_caller_choose()
    {
        var (first, _, firstId) = await CallerAsync(Basics);
        var (second, _, secondId) = await CallerAsync(Basics);
        var (_, bearer) = await _admin.CallerAsync(profiles: [firstId, secondId]);
        var (id, _) = await SchoolAsync();
        var answer = (await server.SendAsync("GET", $"{Schools}/{id}", null, null, bearer)).Is(403);
        Assert.Contains($"'application/vnd.ed-fi.school.{first.ToLowerInvariant()}.readable+json', 'application/vnd.ed-fi.school.{second.ToLowerInvariant()}.readable+json'", (string)answer.Json!["errors"]![0]!, StringComparison.Ordinal);
        (await server.SendAsync("GET", $"{Schools}/{id}", null, null, bearer, ("Accept", $"application/vnd.ed-fi.school.{second}.readable+json"))).Is(200);

        // A resource that neither covers is whole.
        (await server.SendAsync("GET", "/data/v3/ed-fi/students?limit=1", null, null, bearer)).Is(200).HasHeader("Content-Type", "application/json; charset=utf-8");
    }

    /// <summary>For a store that several servers can have.</summary>
    protected async Task RenameAtOneOfTwoServersAsync()
    {
        await using var second = await ServeHost.StartAsync(
            new ServeOptions { Urls = ["http://127.0.0.1:0"], Database = server.Database, LogLevel = LogLevel.None }, CancellationToken.None);
        var there = second.Addresses[0];
        var (_, bearer, profile) = await CallerAsync(Basics);
        var (id, _) = await SchoolAsync();
        Assert.Null((await server.SendAsync("GET", $"{there}{Schools}/{id}", null, null, bearer)).Is(200).Json!["webSite"]);

        // The second server reads the profiles anew, and remembers the client still.
        var renamed = server.Unique("Renamed-");
        (await _admin.SendAsync("PUT", $"/v2/profiles/{profile}", new JsonObject { ["name"] = renamed, ["definition"] = $"""<Profile name="{renamed}">{Basics}</Profile>""" })).Is(200);
        (await server.SendAsync("GET", $"{there}/metadata/specifications/profiles/{renamed}/resources-spec.json", null, null, null)).Is(200);
        var answer = (await server.SendAsync("GET", $"{there}{Schools}/{id}", null, null, bearer)).Is(200);
        Assert.Null(answer.Json!["webSite"]);
        answer.HasHeader("Content-Type", $"application/vnd.ed-fi.school.{renamed.ToLowerInvariant()}.readable+json");
    }

    [Fact]
    [Rule("7.1.rejected")]
    [Rule("11.36.misconfigured-profile")]
    public async Task A_rejected_definition_counts_for_nothing()
    {
        var (name, bearer, _) = await CallerAsync("""<Resource name="School"><ReadContentType memberSelection="IncludeOnly"><Property name="NoSuchMember"/></ReadContentType></Resource>""");
        var (id, _) = await SchoolAsync();
        Assert.NotNull((await server.SendAsync("GET", $"{Schools}/{id}", null, null, bearer)).Is(200).Json!["webSite"]);
        (await server.SendAsync("GET", $"{Schools}/{id}", null, null, bearer, ("Accept", $"application/vnd.ed-fi.school.{name}.readable+json"))).Is(406);
    }

    [Fact]
    [Rule("7.4.write-shape")]
    [Rule("7.4.merge")]
    public async Task A_write_keeps_what_the_caller_can_not_see()
    {
        var (_, bearer, _) = await CallerAsync(Basics);
        var (id, schoolId) = await SchoolAsync();
        var before = (await server.GetAsync($"{Schools}/{id}")).Is(200);

        // What is hidden is not even looked at: a descriptor that does not exist is no fault there.
        var body = School(schoolId);
        body["nameOfInstitution"] = "Renamed";
        body["webSite"] = "http://forged.example";
        body["addresses"] = new JsonArray(new JsonObject { ["addressTypeDescriptor"] = "uri://nobody/AddressTypeDescriptor#None" });
        foreach (var send in (Func<Task<HttpAnswer>>[])
            [
                () => server.SendAsync("PUT", $"{Schools}/{id}", body.ToJsonString(), "application/json", bearer),
                () => server.SendAsync("POST", Schools, body.ToJsonString(), "application/json", bearer),
            ])
        {
            var written = await send();
            Assert.True(written.Status is 200 or 204, written.ToString());
            var after = (await server.GetAsync($"{Schools}/{id}")).Is(200).Json!;
            Assert.Equal("Renamed", (string)after["nameOfInstitution"]!);
            Assert.Equal("http://a.example", (string)after["webSite"]!);
            Assert.True(JsonNode.DeepEquals(before.Json!["addresses"], after["addresses"]));
            Assert.Contains(((string)after["_etag"]!).Split('.')[0], written.Header("ETag"), StringComparison.Ordinal);
        }

        // A visible member that is not submitted goes; one that is hidden makes tags of before stale.
        var current = (await server.SendAsync("GET", $"{Schools}/{id}", null, null, bearer)).Header("ETag")!;
        await server.PutAsync($"{Schools}/{id}", Whole(schoolId, "http://b.example").ToJsonString());
        (await server.SendAsync("PUT", $"{Schools}/{id}", body.ToJsonString(), "application/json", bearer, ("If-Match", current))).Is(412);
        current = (await server.SendAsync("GET", $"{Schools}/{id}", null, null, bearer)).Header("ETag")!;
        (await server.SendAsync("PUT", $"{Schools}/{id}", body.ToJsonString(), "application/json", bearer, ("If-Match", current))).Is(204);
        var last = (await server.GetAsync($"{Schools}/{id}")).Json!;
        Assert.Null(last["shortNameOfInstitution"]);
        Assert.Equal("http://b.example", (string)last["webSite"]!);

        // Nothing new is nothing written.
        (await server.SendAsync("PUT", $"{Schools}/{id}", body.ToJsonString(), "application/json", bearer)).Is(204);
        Assert.Equal((string)last["_etag"]!, (string)(await server.GetAsync($"{Schools}/{id}")).Json!["_etag"]!);
        (await server.SendAsync("PUT", $"{Schools}/{Guid.NewGuid()}", body.ToJsonString(), "application/json", bearer)).Is(404);
        (await server.SendAsync("POST", Schools, "{", "application/json", bearer)).Is(400);
    }

    [Fact]
    [Rule("7.4.creatability")]
    [Rule("11.35.policy-urn")]
    [Rule("7.4.references-first")]
    public async Task What_can_not_be_complete_is_not_created()
    {
        var (name, bearer, _) = await CallerAsync("""
            <Resource name="School"><WriteContentType memberSelection="ExcludeOnly"><Property name="nameOfInstitution"/>
            <Collection name="addresses" memberSelection="ExcludeOnly"><Property name="congressionalDistrict"/></Collection></WriteContentType></Resource>
            """);
        var schoolId = server.UniqueNumber();
        var body = School(schoolId);
        (await server.SendAsync("POST", Schools, body.ToJsonString(), "application/json", bearer)).IsProblem(400, $$"""
            {
              "detail": "The data cannot be saved because a data policy has been applied to the request that prevents it.",
              "type": "urn:ed-fi:api:data-policy-enforced", "title": "Data Policy Enforced", "validationErrors": {},
              "errors": ["The Profile definition for '{{name}}' excludes (or does not include) one or more required data elements needed to create the resource."]
            }
            """);
        (await server.GetAsync($"{Schools}?schoolId={schoolId}")).Is(200).HasBody("[]");

        // What is found wrong by looking at what is stored comes before that: an unknown descriptor, a reference that names nothing.
        body["localEducationAgencyReference"] = new JsonObject { ["localEducationAgencyId"] = server.UniqueNumber() };
        var unresolved = (await server.SendAsync("POST", Schools, body.ToJsonString(), "application/json", bearer)).Is(409);
        Assert.Equal("urn:ed-fi:api:data-conflict:unresolved-reference", (string)unresolved.Json!["type"]!);
        body["charterStatusDescriptor"] = "uri://nobody/CharterStatusDescriptor#None";
        Assert.Contains(
            "$.charterStatusDescriptor",
            (await server.SendAsync("POST", Schools, body.ToJsonString(), "application/json", bearer)).Is(400).Json!["validationErrors"]!.AsObject().Select(e => e.Key));
        body.Remove("charterStatusDescriptor");
        body.Remove("localEducationAgencyReference");
        (await server.GetAsync($"{Schools}?schoolId={schoolId}")).Is(200).HasBody("[]");

        // Once it is there it can be changed, and keeps its name.
        (await server.PostAsync(Schools, body.ToJsonString())).Is(201);
        body["shortNameOfInstitution"] = "Short";
        body.Remove("nameOfInstitution");
        (await server.SendAsync("POST", Schools, body.ToJsonString(), "application/json", bearer)).Is(200);
        var stored = (await server.GetAsync($"{Schools}?schoolId={schoolId}")).Json![0]!;
        Assert.Equal(("A school", "Short"), ((string)stored["nameOfInstitution"]!, (string)stored["shortNameOfInstitution"]!));
    }

    [Fact]
    [Rule("7.4.filter")]
    public async Task An_item_that_fails_its_filter_is_refused_and_a_stored_one_stays()
    {
        var (_, bearer, _) = await CallerAsync("""
            <Resource name="School"><ReadContentType memberSelection="IncludeOnly"><Collection name="addresses" memberSelection="IncludeAll">
            <Filter propertyName="addressTypeDescriptor" filterMode="IncludeOnly"><Value>uri://ed-fi.org/AddressTypeDescriptor#Physical</Value></Filter></Collection></ReadContentType>
            <WriteContentType memberSelection="IncludeAll"><Collection name="addresses" memberSelection="IncludeAll">
            <Filter propertyName="addressTypeDescriptor" filterMode="IncludeOnly"><Value>uri://ed-fi.org/AddressTypeDescriptor#Physical</Value></Filter></Collection></WriteContentType></Resource>
            """);
        var (id, schoolId) = await SchoolAsync();
        var seen = (await server.SendAsync("GET", $"{Schools}/{id}", null, null, bearer)).Is(200).Json!["addresses"]!.AsArray();
        Assert.Equal("uri://ed-fi.org/AddressTypeDescriptor#Physical", (string)Assert.Single(seen)!["addressTypeDescriptor"]!);

        var body = Whole(schoolId, "http://a.example");
        (await server.SendAsync("PUT", $"{Schools}/{id}", body.ToJsonString(), "application/json", bearer)).IsProblem(400, """
            {
              "detail": "The request data failed validation against the assigned profile. See 'validationErrors' for details.",
              "type": "urn:ed-fi:api:bad-request:data-validation-failed", "title": "Data Validation Failed",
              "validationErrors": { "$.addresses[0]": ["Submitted collection item failed the writable profile value filter."] },
              "errors": ["Submitted collection item failed the writable profile value filter."]
            }
            """);
        body.Remove("addresses");
        (await server.SendAsync("PUT", $"{Schools}/{id}", body.ToJsonString(), "application/json", bearer)).Is(204);
        var left = (await server.GetAsync($"{Schools}/{id}")).Json!["addresses"]!.AsArray();
        Assert.Equal("uri://ed-fi.org/AddressTypeDescriptor#Mailing", (string)Assert.Single(left)!["addressTypeDescriptor"]!);
    }

    [Fact]
    [Rule("7.4.no-lost-update")]
    public async Task A_write_through_a_profile_never_undoes_somebody_elses_change_of_what_it_hides()
    {
        const int changes = 40;
        var (_, bearer, _) = await CallerAsync(Basics);
        var (id, schoolId) = await SchoolAsync();
        var aborted = TestContext.Current.CancellationToken;
        using var done = CancellationTokenSource.CreateLinkedTokenSource(aborted);

        // One changes the visible name again and again, the others count in the hidden web site, each only from the value it has read.
        var counting = Task.WhenAll(Enumerable.Range(0, 2).Select(async _ =>
        {
            for (var counted = 0; counted < changes;)
            {
                var read = (await server.GetAsync($"{Schools}/{id}")).Is(200);
                var next = read.Json!.AsObject();
                next["webSite"] = $"http://{int.Parse(((string)next["webSite"]!).Split('/')[^1].Replace("a.example", "0", StringComparison.Ordinal), System.Globalization.CultureInfo.InvariantCulture) + 1}";
                var written = await server.PutAsync($"{Schools}/{id}", next.ToJsonString(), ("If-Match", read.Header("ETag")!));
                counted += written.Status == 204 ? 1 : 0;
            }
        }));
        var renames = 0;
        var renaming = Task.Run(
            async () =>
            {
                while (!counting.IsCompleted)
                {
                    var body = School(schoolId);
                    body["nameOfInstitution"] = $"Name {renames}";
                    var written = await server.SendAsync("PUT", $"{Schools}/{id}", body.ToJsonString(), "application/json", bearer);
                    Assert.True(written.Status is 204, written.ToString());
                    renames++;
                }
            },
            aborted);
        await counting;
        await renaming;
        Assert.True(renames > 0);
        var last = (await server.GetAsync($"{Schools}/{id}")).Json!;
        Assert.Equal($"http://{2 * changes}", (string)last["webSite"]!);
        Assert.Equal($"Name {renames - 1}", (string)last["nameOfInstitution"]!);
    }

    private async Task<(string Name, string Bearer, long Id)> CallerAsync(string resources)
    {
        var name = server.Unique("Profile-");
        var id = await _admin.ProfileAsync(name, $"""<Profile name="{name}">{resources}</Profile>""");
        return (name, (await _admin.CallerAsync(profiles: [id])).Bearer, id);
    }

    private async Task<(string Id, int SchoolId)> SchoolAsync()
    {
        var schoolId = server.UniqueNumber();
        var added = (await server.PostAsync(Schools, Whole(schoolId, "http://a.example").ToJsonString())).Is(201);
        return (added.Id, schoolId);
    }

    private static JsonObject School(int schoolId) => JsonNode.Parse(HttpServer.School(schoolId))!.AsObject();

    private static JsonObject Whole(int schoolId, string webSite)
    {
        var school = School(schoolId);
        school["shortNameOfInstitution"] = "S";
        school["webSite"] = webSite;
        school["addresses"] = new JsonArray(Address("Mailing"), Address("Physical"));
        return school;

        static JsonObject Address(string type) => new()
        {
            ["addressTypeDescriptor"] = $"uri://ed-fi.org/AddressTypeDescriptor#{type}",
            ["city"] = "Grand Bend",
            ["postalCode"] = "73334",
            ["stateAbbreviationDescriptor"] = "uri://ed-fi.org/StateAbbreviationDescriptor#TX",
            ["streetNumberName"] = "1 Main Street",
        };
    }
}

/// <summary>Over SQLite.</summary>
[Collection(SqliteCollection.Name)]
public sealed class SqliteProfileTests(SqliteServer server) : ProfileTests(server);

/// <summary>Over PostgreSQL.</summary>
[Collection(PostgresCollection.Name)]
public sealed class PostgresProfileTests(PostgresServer server) : ProfileTests(server.OrSkip())
{
    [Fact]
    public Task A_profile_that_gets_another_name_at_one_server_never_stops_applying_at_another() => RenameAtOneOfTwoServersAsync();
}
