using System.Text.Json.Nodes;
using Rollcall.IntegrationTests.Serve.Http;

namespace Rollcall.IntegrationTests.Serve.Admin;

/// <summary>The Admin API: what it stores, what it answers, and what that does to the clients.</summary>
public abstract class AdminApiTests(HttpServer server)
{
    private const string Form = "application/x-www-form-urlencoded";
    private readonly AdminClient _admin = new(server);

    [Fact]
    public async Task A_vendor_is_added_read_replaced_and_removed()
    {
        var company = server.Unique("company");
        var id = await _admin.VendorAsync(company, "uri://a.org, uri://b.org");
        var vendor = AdminClient.Vendor(company, "uri://a.org, uri://b.org");
        vendor["id"] = id;
        (await _admin.GetAsync($"/v2/vendors/{id}")).Is(200).HasBody(vendor.ToJsonString());
        Assert.Contains(id, Ids(await _admin.GetAsync("/v2/vendors?limit=500")));

        vendor["contactName"] = "Grace";
        (await _admin.SendAsync("PUT", $"/v2/vendors/{id}", vendor)).Is(200);
        (await _admin.GetAsync($"/v2/vendors/{id}")).Is(200).HasBody(vendor.ToJsonString());

        // Adding the company again is the same vendor.
        var again = (await _admin.SendAsync("POST", "/v2/vendors", AdminClient.Vendor(company.ToUpperInvariant(), "uri://c.org"))).Is(200);
        Assert.EndsWith($"/adminapi/v2/vendors/{id}", again.Header("Location"), StringComparison.Ordinal);

        (await _admin.SendAsync("DELETE", $"/v2/vendors/{id}")).Is(200);
        (await _admin.GetAsync($"/v2/vendors/{id}")).Is(404)
            .HasBody($$"""{"title":"Not found: vendor with ID {{id}}. It may have been recently deleted.","status":404}""");
    }

    [Fact]
    public async Task Everything_wrong_with_a_body_is_said_at_once_by_member()
    {
        (await _admin.SendAsync("POST", "/v2/vendors", new JsonObject { ["company"] = " ", ["contactEmailAddress"] = "nobody" })).Is(400).HasBody("""
            {
              "title": "Validation failed", "status": 400,
              "errors": {
                "Company": ["'Company' must not be empty."],
                "ContactEmailAddress": ["'Contact Email Address' is not a valid email address."],
                "ContactName": ["'Contact Name' must not be empty."]
              }
            }
            """);
        var errors = (await _admin.SendAsync("POST", "/v2/applications", new JsonObject
        {
            ["applicationName"] = new string('x', 51),
            ["vendorId"] = 987654,
            ["claimSetName"] = "No such set",
            ["profileIds"] = new JsonArray(98765),
            ["educationOrganizationIds"] = "255901",
            ["odsInstanceIds"] = new JsonArray(7777),
        })).Is(400).Json!["errors"]!.AsObject();
        Assert.Equal(
            ["ApplicationName", "ClaimSetName", "EducationOrganizationIds", "OdsInstanceIds", "ProfileIds", "VendorId"], errors.Select(e => e.Key));
        (await server.SendAsync("POST", "/adminapi/v2/vendors", "[", "application/json", $"Bearer {await AdminClient.TokenAsync(server)}")).Is(400);
    }

    [Fact]
    public async Task A_vendor_may_have_no_namespace_prefixes_and_an_unknown_one_has_no_list_of_applications()
    {
        var vendor = AdminClient.Vendor(server.Unique("company"), "");
        var location = (await _admin.SendAsync("POST", "/v2/vendors", vendor)).Is(201).Header("Location")!;
        (await _admin.GetAsync($"/v2/vendors/{location.Split('/')[^1]}/applications")).Is(200).HasBody("[]");
        (await _admin.GetAsync("/v2/vendors/987654/applications")).Is(404)
            .HasBody("""{"title":"Not found: vendor with ID 987654. It may have been recently deleted.","status":404}""");
        (await _admin.GetAsync("/v2/odsInstances/987654/applications")).Is(404)
            .HasBody("""{"title":"Not found: odsInstance with ID 987654. It may have been recently deleted.","status":404}""");
    }

    [Fact]
    public async Task Resource_claims_are_listed_with_the_strategies_that_they_bring()
    {
        const string types = "?resourceName=edFiTypes";
        var names = Assert.Single((await _admin.GetAsync($"/v2/resourceClaimActions{types}")).Is(200).Json!.AsArray())!;
        Assert.Equal(("edFiTypes", "http://ed-fi.org/identity/claims/domains/edFiTypes"), ((string)names["resourceName"]!, (string)names["claimName"]!));
        Assert.Contains("Read", names["actions"]!.AsArray().Select(a => (string)a!["name"]!));
        var strategies = Assert.Single((await _admin.GetAsync($"/v2/resourceClaimActionAuthStrategies{types}")).Is(200).Json!.AsArray())!;
        Assert.Equal((int)names["resourceClaimId"]!, (int)strategies["resourceClaimId"]!);
        var read = Assert.Single(strategies["authorizationStrategiesForActions"]!.AsArray(), a => (string)a!["actionName"]! == "Read")!;
        Assert.Equal(2, (int)read["actionId"]!);
        Assert.Equal("""[{"authStrategyId":1,"authStrategyName":"NoFurtherAuthorizationRequired"}]""", read["authorizationStrategies"]!.ToJsonString());
    }

    [Theory]
    [InlineData("""{"name":"student","actions":[{"enabled":true}]}""", "'name' of each action must not be empty.")]
    [InlineData("""{"actions":[]}""", "'name' of each resource claim must not be empty.")]
    [InlineData("""{"name":"student","actions":[{"name":"Read"}],"authorizationStrategyOverridesForCRUD":[{"actionName":"Read","authorizationStrategies":[{"name":"X"}]}]}""", "'authStrategyName' of each authorization strategy must not be empty.")]
    [InlineData("""{"name":5}""", "a value in them is of another kind than it should be.")]
    [InlineData("7", "a value in them is of another kind than it should be.")]
    public async Task An_import_that_cannot_be_read_says_what_it_lacks(string claim, string what)
    {
        var import = new JsonObject { ["name"] = server.Unique("import"), ["resourceClaims"] = new JsonArray(JsonNode.Parse(claim)) };
        var errors = (await _admin.SendAsync("POST", "/v2/claimSets/import", import)).Is(400).Json!["errors"]!;
        Assert.Equal($"The resource claims cannot be read: {what}", (string)Assert.Single(errors["ResourceClaims"]!.AsArray())!);
    }

    [Fact]
    public async Task The_admin_api_has_its_own_health_address_without_a_token() =>
        Assert.Contains("\"Healthy\"", (await server.SendAsync("GET", "/adminapi/health", null, null, null)).Is(200).Body, StringComparison.Ordinal);

    [Fact]
    public async Task An_applications_secret_is_shown_once_and_opens_the_data()
    {
        var vendor = await _admin.VendorAsync(server.Unique("vendor"));
        var added = (await _admin.SendAsync("POST", "/v2/applications", AdminClient.Application(vendor, "an app"))).Is(201);
        var (id, key, secret) = ((long)added.Json!["id"]!, (string)added.Json["key"]!, (string)added.Json["secret"]!);
        Assert.EndsWith($"/adminapi/v2/applications/{id}", added.Header("Location"), StringComparison.Ordinal);
        added.HasHeader("Cache-Control", "no-store");

        var read = (await _admin.GetAsync($"/v2/applications/{id}")).Is(200);
        var expected = AdminClient.Application(vendor, "an app");
        expected["id"] = id;
        expected["enabled"] = true;
        read.HasBody(expected.ToJsonString());
        foreach (var path in (string[])["/v2/applications?limit=500", $"/v2/vendors/{vendor}/applications", "/v2/odsInstances/1/applications?limit=500"])
        {
            var list = (await _admin.GetAsync(path)).Is(200);
            Assert.Contains(id, Ids(list));
            Assert.DoesNotContain(secret, list.Body, StringComparison.Ordinal);
            Assert.DoesNotContain(key, list.Body, StringComparison.Ordinal);
        }

        var bearer = $"Bearer {await server.TokenAsync(key, secret)}";
        (await server.SendAsync("GET", "/data/v3/ed-fi/schools?limit=1", null, null, bearer)).Is(200);
    }

    [Fact]
    public async Task A_reset_a_disabled_and_a_removed_application_lose_their_tokens_at_once()
    {
        var vendor = await _admin.VendorAsync(server.Unique("vendor"));
        foreach (var end in (Func<long, Task<HttpAnswer>>[])
            [
                id => _admin.SendAsync("PUT", $"/v2/applications/{id}/reset-credential"),
                id =>
                {
                    var disabled = AdminClient.Application(vendor, "off");
                    disabled["enabled"] = false;
                    return _admin.SendAsync("PUT", $"/v2/applications/{id}", disabled);
                },
                id => _admin.SendAsync("DELETE", $"/v2/applications/{id}"),
                _ => _admin.SendAsync("DELETE", $"/v2/vendors/{vendor}"),
            ])
        {
            var added = (await _admin.SendAsync("POST", "/v2/applications", AdminClient.Application(vendor, "an app"))).Is(201).Json!;
            var (key, secret) = ((string)added["key"]!, (string)added["secret"]!);
            var bearer = $"Bearer {await server.TokenAsync(key, secret)}";
            (await server.SendAsync("GET", "/data/v3/ed-fi/schools?limit=0", null, null, bearer)).Is(200);

            var ended = (await end((long)added["id"]!)).Is(200);
            (await server.SendAsync("GET", "/data/v3/ed-fi/schools?limit=0", null, null, bearer)).Is(401);
            (await server.SendAsync("POST", "/oauth/token", "grant_type=client_credentials", Form, $"Basic {HttpServer.Base64($"{key}:{secret}")}")).Is(401);
            if (ended.Body.Contains("secret", StringComparison.Ordinal))
            {
                Assert.Equal(key, (string)ended.Json!["key"]!);
                await server.TokenAsync(key, (string)ended.Json["secret"]!);
            }
        }
    }

    [Fact]
    public async Task A_change_of_an_application_or_its_vendor_counts_for_tokens_that_are_alive()
    {
        var vendor = await _admin.VendorAsync(server.Unique("vendor"), "uri://one.org");
        var added = (await _admin.SendAsync("POST", "/v2/applications", AdminClient.Application(vendor, "an app", organizations: [255901]))).Is(201).Json!;
        var token = await server.TokenAsync((string)added["key"]!, (string)added["secret"]!);

        await _admin.SendAsync("PUT", $"/v2/vendors/{vendor}", AdminClient.Vendor(server.Unique("renamed"), "uri://two.org,uri://three.org"));
        await _admin.SendAsync("PUT", $"/v2/applications/{added["id"]}", AdminClient.Application(vendor, "an app", "SIS Vendor", [255901, 255902]));

        var info = (await server.SendAsync("POST", "/oauth/token_info", $"token={token}", Form, $"Bearer {token}")).Is(200).Json!;
        Assert.Equal(["uri://two.org", "uri://three.org"], info["namespace_prefixes"]!.AsArray().Select(p => (string)p!));
        Assert.Equal("SIS Vendor", (string)info["claim_set"]!["name"]!);
    }

    [Fact]
    public async Task A_body_sets_nothing_that_its_endpoint_does_not_mean_to_set()
    {
        var vendor = await _admin.VendorAsync(server.Unique("vendor"));
        var body = AdminClient.Application(vendor, "an app");
        (body["id"], body["key"], body["secret"], body["clientKey"], body["secretHash"]) = (1, "sandbox", "known", "sandbox", "x");
        var added = (await _admin.SendAsync("POST", "/v2/applications", body)).Is(201).Json!;
        Assert.NotEqual("sandbox", (string)added["key"]!);
        Assert.NotEqual("known", (string)added["secret"]!);
        await server.TokenAsync("sandbox", "sandbox");

        body["key"] = "other";
        await _admin.SendAsync("PUT", $"/v2/applications/{added["id"]}", body);
        await server.TokenAsync((string)added["key"]!, (string)added["secret"]!);
    }

    [Fact]
    public async Task Claim_sets_are_copied_exported_imported_changed_and_removed()
    {
        var sets = (await _admin.GetAsync("/v2/claimSets?limit=500")).Is(200).Json!.AsArray();
        var vendorSet = sets.Single(s => (string)s!["name"]! == "SIS Vendor")!;
        Assert.True((bool)vendorSet["_isSystemReserved"]!);
        (await _admin.SendAsync("DELETE", $"/v2/claimSets/{vendorSet["id"]}")).Is(400);

        var name = server.Unique("set");
        var copy = await _admin.CreateAsync("/v2/claimSets/copy", new JsonObject { ["originalId"] = (long)vendorSet["id"]!, ["name"] = name });
        var exported = (await _admin.GetAsync($"/v2/claimSets/{copy}/export")).Is(200).Json!;
        Assert.NotEmpty(exported["resourceClaims"]!.AsArray());

        exported["name"] = server.Unique("imported");
        var imported = await _admin.CreateAsync("/v2/claimSets/import", exported.DeepClone());
        var back = (await _admin.GetAsync($"/v2/claimSets/{imported}/export")).Is(200).Json!;
        Assert.True(JsonNode.DeepEquals(exported["resourceClaims"], back["resourceClaims"]));

        // A client follows a change of its claim set, at once.
        var (_, bearer) = await _admin.CallerAsync((string)exported["name"]!);
        (await server.SendAsync("GET", "/data/v3/ed-fi/schools?limit=0", null, null, bearer)).Is(200);
        (await _admin.SendAsync("DELETE", $"/v2/claimSets/{imported}")).Is(400);
        var renamed = server.Unique("renamed");
        (await _admin.SendAsync("PUT", $"/v2/claimSets/{imported}", new JsonObject { ["name"] = renamed })).Is(200);
        (await server.SendAsync("GET", "/data/v3/ed-fi/schools?limit=0", null, null, bearer)).Is(200);
        (await _admin.SendAsync("POST", "/v2/claimSets", new JsonObject { ["name"] = renamed })).Is(400);
        (await _admin.SendAsync("DELETE", $"/v2/claimSets/{copy}")).Is(200);
        (await _admin.GetAsync($"/v2/claimSets/{copy}")).Is(404);
    }

    private static JsonObject Grant(long claim, params string[] actions) => new()
    {
        ["resourceClaimId"] = claim,
        ["resourceClaimActions"] = new JsonArray([.. actions.Select(a => new JsonObject { ["name"] = a, ["enabled"] = true })]),
    };

    [Fact]
    public async Task An_id_beyond_all_ids_is_nobodys_and_not_that_of_its_lower_bits()
    {
        var set = await _admin.CreateAsync("/v2/claimSets", new JsonObject { ["name"] = server.Unique("set") });
        var claim = (long)(await _admin.GetAsync("/v2/resourceClaims?limit=1")).Is(200).Json![0]!["id"]!;
        (await _admin.SendAsync("POST", $"/v2/claimSets/{set}/resourceClaimActions", Grant(claim, "Read"))).Is(201);
        const long beyond = 1L << 32;
        var path = $"/v2/claimSets/{set + beyond}";
        (await _admin.GetAsync(path)).Is(404);
        (await _admin.GetAsync($"{path}/export")).Is(404);
        (await _admin.SendAsync("PUT", path, new JsonObject { ["name"] = server.Unique("set") })).Is(404);
        (await _admin.SendAsync("DELETE", path)).Is(404);
        (await _admin.SendAsync("POST", "/v2/claimSets/copy", new JsonObject { ["originalId"] = set + beyond, ["name"] = server.Unique("set") })).Is(404);
        (await _admin.SendAsync("POST", $"{path}/resourceClaimActions", Grant(claim, "Read"))).Is(404);
        var grant = $"/v2/claimSets/{set}/resourceClaimActions/{claim + beyond}";
        (await _admin.SendAsync("DELETE", grant)).Is(404);
        (await _admin.SendAsync("POST", $"{grant}/resetAuthorizationStrategies", new JsonObject())).Is(404);
        Assert.Single((await _admin.GetAsync($"/v2/claimSets/{set}")).Is(200).Json!["resourceClaims"]!.AsArray());
        (await _admin.SendAsync("DELETE", $"/v2/claimSets/{set}")).Is(200);
    }

    [Fact]
    public async Task Renaming_or_removing_a_claim_set_leaves_the_clients_of_one_with_a_like_name_alone()
    {
        // Their names differ in a blank only.
        var unique = server.Unique("Like");
        var (spaced, joined) = ($"{unique} Name", $"{unique}Name");
        await _admin.CreateAsync("/v2/claimSets", new JsonObject { ["name"] = spaced });
        var other = await _admin.CreateAsync("/v2/claimSets", new JsonObject { ["name"] = joined });
        var (ofSpaced, _) = await _admin.CallerAsync(spaced);
        var (ofJoined, _) = await _admin.CallerAsync(joined);
        var renamed = server.Unique("renamed");
        (await _admin.SendAsync("PUT", $"/v2/claimSets/{other}", new JsonObject { ["name"] = renamed })).Is(200);
        Assert.Equal(spaced, await ClaimSetOfAsync(ofSpaced));
        Assert.Equal(renamed, await ClaimSetOfAsync(ofJoined));
        var clients = await server.Host.Stores.Credentials.ListClientsAsync(CancellationToken.None);
        Assert.Equal(spaced, clients.Single(c => c.ApplicationId == ofSpaced).ClaimSet);
        Assert.Equal(renamed, clients.Single(c => c.ApplicationId == ofJoined).ClaimSet);

        // A third that nobody has is removed, whatever it is like.
        var third = await _admin.CreateAsync("/v2/claimSets", new JsonObject { ["name"] = joined });
        Assert.Empty((await _admin.GetAsync($"/v2/claimSets/{third}")).Is(200).Json!["_applications"]!.AsArray());
        (await _admin.SendAsync("DELETE", $"/v2/claimSets/{third}")).Is(200);

        async Task<string> ClaimSetOfAsync(long application) => (string)(await _admin.GetAsync($"/v2/applications/{application}")).Is(200).Json!["claimSetName"]!;
    }

    [Fact]
    public async Task Grants_are_changed_one_by_one()
    {
        var set = await _admin.CreateAsync("/v2/claimSets", new JsonObject { ["name"] = server.Unique("set") });
        var claims = (await _admin.GetAsync("/v2/resourceClaims?limit=500")).Is(200).Json!.AsArray();
        var claim = (long)claims.First(c => (string)c!["name"]! == "educationOrganizations")!["id"]!;
        (await _admin.SendAsync("POST", $"/v2/claimSets/{set}/resourceClaimActions", Grant(claim, "Read"))).Is(201);
        var path = $"/v2/claimSets/{set}/resourceClaimActions/{claim}";
        (await _admin.SendAsync("PUT", path, Grant(claim, "Read", "Create"))).Is(200);
        (await _admin.SendAsync("POST", $"{path}/overrideAuthorizationStrategy", new JsonObject
        {
            ["actionName"] = "Read",
            ["authorizationStrategies"] = new JsonArray("NamespaceBased"),
        })).Is(200);
        var granted = (await _admin.GetAsync($"/v2/claimSets/{set}")).Is(200).Json!["resourceClaims"]![0]!;
        Assert.Equal(["Create", "Read"], granted["actions"]!.AsArray().Select(a => (string)a!["name"]!));
        Assert.Contains("NamespaceBased", granted["authorizationStrategyOverridesForCRUD"]!.ToJsonString(), StringComparison.Ordinal);
        (await _admin.SendAsync("POST", $"{path}/resetAuthorizationStrategies")).Is(200);
        (await _admin.SendAsync("DELETE", path)).Is(200);
        (await _admin.SendAsync("DELETE", path)).Is(404);
        Assert.Empty((await _admin.GetAsync($"/v2/claimSets/{set}")).Json!["resourceClaims"]!.AsArray());
    }

    [Fact]
    public async Task What_the_server_has_can_be_listed()
    {
        Assert.Equal(
            ["Create", "Read", "Update", "Delete", "ReadChanges"],
            (await _admin.GetAsync("/v2/actions")).Is(200).Json!.AsArray().Select(a => (string)a!["name"]!));
        Assert.Contains(
            "NoFurtherAuthorizationRequired", (await _admin.GetAsync("/v2/authorizationStrategies")).Is(200).Json!.AsArray().Select(s => (string)s!["name"]!));
        Assert.Equal(1, (int)(await _admin.GetAsync("/v2/odsInstances")).Is(200).Json![0]!["id"]!);
        (await _admin.SendAsync("POST", "/v2/odsInstances", new JsonObject { ["name"] = "x" })).Is(405);
        (await _admin.GetAsync("/v2/nothing")).Is(404);
    }

    [Fact]
    public async Task Lists_have_pages_orders_and_filters()
    {
        var prefix = server.Unique("page");
        for (var i = 0; i < 3; i++)
        {
            await _admin.VendorAsync($"{prefix} {i}");
        }

        var all = (await _admin.GetAsync("/v2/vendors?limit=500&orderBy=company&direction=desc")).Is(200).Json!.AsArray().Select(v => (string)v!["company"]!).ToArray();
        Assert.Equal(all.OrderDescending(StringComparer.OrdinalIgnoreCase), all);
        var second = (await _admin.GetAsync("/v2/vendors?offset=1&limit=1&orderBy=company")).Is(200).Json!.AsArray();
        Assert.Equal(all[^2], (string)Assert.Single(second)!["company"]!);
        Assert.Single((await _admin.GetAsync($"/v2/vendors?company={Uri.EscapeDataString(prefix + " 1")}")).Is(200).Json!.AsArray());
        (await _admin.GetAsync("/v2/vendors?limit=0")).Is(400);
        (await _admin.GetAsync("/v2/vendors?orderBy=secretHash")).Is(400);
    }

    [Fact]
    public async Task Profiles_keep_to_the_grammar_and_are_not_removed_while_they_restrict_somebody()
    {
        var name = server.Unique("Profile-");
        var xml = $"""<Profile name="{name}"><Resource name="School"><ReadContentType memberSelection="IncludeOnly"><Property name="nameOfInstitution"/></ReadContentType></Resource></Profile>""";
        var id = await _admin.ProfileAsync(name, xml);
        (await _admin.GetAsync($"/v2/profiles/{id}")).Is(200).HasBody(new JsonObject { ["id"] = id, ["name"] = name, ["definition"] = xml }.ToJsonString());
        Assert.Contains(
            $"Profile '{name}' already exists.",
            (await _admin.SendAsync("POST", "/v2/profiles", new JsonObject { ["name"] = name, ["definition"] = xml })).Is(400).Body.Replace("\\u0027", "'", StringComparison.Ordinal),
            StringComparison.Ordinal);
        foreach (var (wrongName, wrong) in (IEnumerable<(string, string)>)
            [
                (name + "x", xml),
                (server.Unique("p"), "<Profile"),
                (name + "y", $"""<Profile name="{name}y"></Profile>"""),
                (name + "z", $"""<Profile name="{name}z"><Resource><ReadContentType memberSelection="IncludeAll"/></Resource></Profile>"""),
                (name + "w", $"""<Profile name="{name}w"><Resource name="School"><ReadContentType><Property name="a"/></ReadContentType></Resource></Profile>"""),
                (name + "v", $"""<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><Profile name="{name}v"><Resource name="School"><ReadContentType memberSelection="IncludeAll"><Property name="webSite"/></ReadContentType></Resource></Profile>"""),
            ])
        {
            (await _admin.SendAsync("POST", "/v2/profiles", new JsonObject { ["name"] = wrongName, ["definition"] = wrong })).Is(400);
        }

        var (application, _) = await _admin.CallerAsync(profiles: [id]);
        (await _admin.SendAsync("DELETE", $"/v2/profiles/{id}")).Is(400);
        (await _admin.SendAsync("DELETE", $"/v2/applications/{application}")).Is(200);
        (await _admin.SendAsync("DELETE", $"/v2/profiles/{id}")).Is(200);
    }

    [Fact]
    public async Task Another_administrator_is_registered_by_one_and_by_nobody_else()
    {
        var key = server.Unique("second");
        const string secret = "a secret of at least thirty-two characters";
        var body = $"ClientId={key}&ClientSecret={Uri.EscapeDataString(secret)}&DisplayName=Second";
        (await server.SendAsync("POST", "/adminapi/connect/register", body, Form, null)).Is(401);
        (await server.SendAsync("POST", "/adminapi/connect/register", body, Form, server.Bearer)).Is(401);
        var bearer = $"Bearer {await AdminClient.TokenAsync(server)}";
        (await server.SendAsync("POST", "/adminapi/connect/register", body, Form, bearer)).Is(200);
        (await server.SendAsync("POST", "/adminapi/connect/register", body, Form, bearer)).Is(400);
        var token = await AdminClient.TokenAsync(server, key, secret);
        (await server.SendAsync("GET", "/adminapi/v2/vendors", null, null, $"Bearer {token}")).Is(200);
    }

    [Fact]
    public async Task A_registration_says_everything_that_it_lacks_and_registers_nobody()
    {
        var bearer = $"Bearer {await AdminClient.TokenAsync(server)}";
        (await server.SendAsync("POST", "/adminapi/connect/register", "ClientId=&ClientSecret=&DisplayName=", Form, bearer)).Is(400).HasBody("""
            {
              "title": "Validation failed", "status": 400,
              "errors": {
                "ClientId": ["'Client Id' must not be empty."],
                "ClientSecret": ["'Client Secret' must not be empty."],
                "DisplayName": ["'Display Name' must not be empty."]
              }
            }
            """);
        var missing = (await server.SendAsync("POST", "/adminapi/connect/register", "", Form, bearer)).Is(400).Json!["errors"]!.AsObject();
        Assert.Equal(["ClientId", "ClientSecret", "DisplayName"], missing.Select(e => e.Key).Order(StringComparer.Ordinal));

        // One empty field among good ones is enough.
        var key = server.Unique("unnamed");
        const string secret = "a secret of at least thirty-two characters";
        (await server.SendAsync("POST", "/adminapi/connect/register", $"ClientId={key}&ClientSecret={Uri.EscapeDataString(secret)}&DisplayName=", Form, bearer)).Is(400)
            .HasBody("""{"title":"Validation failed","status":400,"errors":{"DisplayName":["'Display Name' must not be empty."]}}""");
        (await server.SendAsync("POST", "/adminapi/connect/token", $"grant_type=client_credentials&client_id={key}&client_secret={Uri.EscapeDataString(secret)}", Form, null)).Is(401);
    }

    [Theory]
    [InlineData("edfi_admin_api/nothing")]
    [InlineData("EDFI_ADMIN_API/FULL_ACCESS")]
    [InlineData("255901")]
    public async Task A_scope_that_the_admin_api_does_not_have_gets_no_token(string scope) => (await server.SendAsync(
        "POST",
        "/adminapi/connect/token",
        $"grant_type=client_credentials&client_id={HttpServer.AdminKey}&client_secret={Uri.EscapeDataString(HttpServer.AdminSecret)}&scope={Uri.EscapeDataString(scope)}",
        Form,
        null)).Is(400).HasBody("""{"error":"invalid_scope","error_description":"The request is missing required scope claims or has invalid scope values"}""");

    [Theory]
    [InlineData("grant_type=client_credentials&client_id=admin&client_secret=wrong", 401, "invalid_client")]
    [InlineData("grant_type=client_credentials&client_id=nobody&client_secret=wrong", 401, "invalid_client")]
    [InlineData("grant_type=password&client_id=admin&client_secret=x", 400, "unsupported_grant_type")]
    [InlineData("grant_type=client_credentials", 401, "invalid_request")]
    public async Task A_token_request_of_the_admin_api_that_is_wrong_is_refused_in_oauths_words(string body, int status, string error) =>
        Assert.Equal(error, (string)(await server.SendAsync("POST", "/adminapi/connect/token", body, Form, null)).Is(status).Json!["error"]!);

    [Fact]
    public async Task The_specification_has_every_address_and_the_server_knows_each()
    {
        var document = (await server.SendAsync("GET", "/adminapi/swagger/v2/swagger.json", null, null, null)).Is(200).Json!;
        var paths = document["paths"]!.AsObject();
        Assert.Equal(39, paths.Sum(p => p.Value!.AsObject().Count));
        foreach (var (path, operations) in paths)
        {
            foreach (var (method, _) in operations!.AsObject())
            {
                var answer = await _admin.SendAsync(
                    method.ToUpperInvariant(), path.Replace("{id}", "999999", StringComparison.Ordinal).Replace("{resourceClaimId}", "999999", StringComparison.Ordinal), new JsonObject());
                Assert.True(answer.Status is 200 or 201 or 400 or 404 or 405, $"{method} {path}: {answer}");
                Assert.False(answer.Body.Contains("The specified data could not be found", StringComparison.Ordinal), $"{method} {path} is not served");
            }
        }
    }

    private static IEnumerable<long> Ids(HttpAnswer answer) => answer.Is(200).Json!.AsArray().Select(i => (long)i!["id"]!);
}

/// <summary>Over SQLite.</summary>
[Collection(SqliteCollection.Name)]
public sealed class SqliteAdminApiTests(SqliteServer server) : AdminApiTests(server);

/// <summary>Over PostgreSQL.</summary>
[Collection(PostgresCollection.Name)]
public sealed class PostgresAdminApiTests(PostgresServer server) : AdminApiTests(server.OrSkip());
