using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Rollcall.IntegrationTests.Serve.Http;
using Rollcall.Serve.Authorization;
using Rollcall.Serve.Security;
using Rollcall.Serve.Storage;
using Rollcall.Standard.Loading;

namespace Rollcall.IntegrationTests.Serve.Authorization;

/// <summary>Documents, claim sets and clients for tests of authorization. Everything is stored over HTTP, by the sandbox or by a client made here.</summary>
internal sealed class AuthorizationWorld(HttpServer server)
{
    public const string Data = "/data/v3/ed-fi/";
    private const string Uri = "uri://ed-fi.org/";
    private ClaimSetStore? _claims;
    private AccessTokens? _tokens;

    public ClaimSetStore Claims => _claims ??= new ClaimSetStore(server.Host.Stores.Claims, CompactModelReader.EdFi52);

    // ---- who

    /// <summary>A claim set of a name of its own.</summary>
    /// <param name="grants">Claim, actions separated by spaces, strategies (none: the defaults).</param>
    public async Task<string> ClaimSetAsync(params (string Claim, string Actions, string[] Strategies)[] grants)
    {
        var (_, metadata) = await Claims.ReadAsync(CancellationToken.None);
        var tables = ImmutableSortedDictionary<int, ActionTable>.Empty;
        foreach (var (name, actions, strategies) in grants)
        {
            var claim = metadata.FindClaim(name) ?? throw new InvalidOperationException($"No claim {name}.");
            tables = tables.SetItem(claim.Id, actions.Split(' ').Aggregate(
                tables.GetValueOrDefault(claim.Id), (table, action) => table.With(Enum.Parse<ClaimAction>(action), strategies)));
        }

        var created = await Claims.CreateAsync($"Test {Guid.NewGuid():N}", tables, CancellationToken.None);
        await server.Host.Authorizer.RefreshAsync(CancellationToken.None);
        return created!.Name;
    }

    /// <summary>The Authorization header of a new client.</summary>
    public Task<string> ClientAsync(string claimSet, long[] organizations, params string[] prefixes) =>
        ClientAsync(new ApiClient(SecretHash.NewKey(), "test", "no secret fits", claimSet, prefixes, organizations, 1, true));

    /// <summary>A client with ownership tokens, and the one that what it creates gets.</summary>
    public Task<string> OwnerAsync(string claimSet, long[] organizations, long[] tokens, long? creates) =>
        ClientAsync(new ApiClient(SecretHash.NewKey(), "test", "no secret fits", claimSet, [], organizations, 1, true) { OwnershipTokens = tokens, CreatorOwnershipToken = creates });

    private async Task<string> ClientAsync(ApiClient client)
    {
        await server.Host.Stores.Credentials.PutClientAsync(client, CancellationToken.None);

        // Straight from the issuer: the slow hash of a secret is not what is tested here.
        _tokens ??= new AccessTokens(server.Host.Stores.Credentials, TimeProvider.System, TimeSpan.FromHours(1));
        return $"Bearer {await _tokens.IssueAsync(client, null, CancellationToken.None)}";
    }

    /// <summary>A client whose strategies for all actions on one claim are these.</summary>
    public async Task<string> ClientAsync(string claim, string[] strategies, long[] organizations, params string[] prefixes) =>
        await ClientAsync(await ClaimSetAsync((claim, "Create Read Update Delete", strategies)), organizations, prefixes);

    // ---- what

    public Task<HttpAnswer> SendAsync(string bearer, string method, string path, JsonObject? body = null, params (string, string)[] headers) =>
        server.SendAsync(method, path.StartsWith('/') ? path : Data + path, body?.ToJsonString(), body is null ? null : "application/json", bearer, headers);

    /// <summary>Stores a document as the sandbox, and gives its address.</summary>
    public async Task<string> PutAsync(string endpoint, JsonObject body)
    {
        var answer = await server.PostAsync(Data + endpoint, body.ToJsonString());
        Assert.True(answer.Status is 200 or 201, answer.ToString());
        return $"{Data}{endpoint}/{answer.Id}";
    }

    public async Task DeleteAsync(string item) => (await server.DeleteAsync(item)).Is(204);

    public long Number() => server.UniqueNumber();

    public string Text(string prefix) => server.Unique(prefix);

    public async Task<long> AgencyAsync(long? parent = null, long? center = null)
    {
        var id = Number();
        await PutAsync("localEducationAgencies", Agency(id, parent, center));
        return id;
    }

    public async Task<long> SchoolAsync(long? agency = null)
    {
        var id = Number();
        await PutAsync("schools", School(id, agency));
        return id;
    }

    public async Task<string> StudentAsync(params long[] schools)
    {
        var id = Text("s");
        await PutAsync("students", Person("student", id));
        foreach (var school in schools)
        {
            await PutAsync("studentSchoolAssociations", Enrolment(id, school));
        }

        return id;
    }

    public static JsonObject Agency(long id, long? parent = null, long? center = null)
    {
        var body = Organization("localEducationAgencyId", id, "Local Education Agency");
        body["localEducationAgencyCategoryDescriptor"] = Uri + "LocalEducationAgencyCategoryDescriptor#Public school district part of a supervisory union";
        return With(With(body, "parentLocalEducationAgencyReference", "localEducationAgencyId", parent), "educationServiceCenterReference", "educationServiceCenterId", center);
    }

    public static JsonObject School(long id, long? agency = null)
    {
        var body = JsonNode.Parse(HttpServer.School(id))!.AsObject();
        return With(body, "localEducationAgencyReference", "localEducationAgencyId", agency);
    }

    public static JsonObject Center(long id) => Organization("educationServiceCenterId", id, "Education Service Center");

    public static JsonObject Department(long id, long? parent) => With(
        Organization("organizationDepartmentId", id, "Organization Department"), "parentEducationOrganizationReference", "educationOrganizationId", parent);

    /// <param name="kind">student, contact or staff.</param>
    public static JsonObject Person(string kind, string id, string firstName = "Ada")
    {
        var body = new JsonObject { [kind + "UniqueId"] = id, ["firstName"] = firstName, ["lastSurname"] = "Byron" };
        if (kind == "student")
        {
            body["birthDate"] = "2010-12-10";
        }

        return body;
    }

    public static JsonObject Enrolment(string student, long school, string entryDate = "2025-08-20") => new()
    {
        ["studentReference"] = new JsonObject { ["studentUniqueId"] = student },
        ["schoolReference"] = new JsonObject { ["schoolId"] = school },
        ["entryDate"] = entryDate,
        ["entryGradeLevelDescriptor"] = Uri + "GradeLevelDescriptor#Tenth grade",
    };

    public static JsonObject Contact(string contact, string student) => new()
    {
        ["contactReference"] = new JsonObject { ["contactUniqueId"] = contact },
        ["studentReference"] = new JsonObject { ["studentUniqueId"] = student },
    };

    public static JsonObject Employment(string staff, long organization) => new()
    {
        ["staffReference"] = new JsonObject { ["staffUniqueId"] = staff },
        ["educationOrganizationReference"] = new JsonObject { ["educationOrganizationId"] = organization },
        ["hireDate"] = "2020-01-01",
        ["employmentStatusDescriptor"] = Uri + "EmploymentStatusDescriptor#Tenured or permanent",
    };

    public static JsonObject Assignment(string staff, long organization) => new()
    {
        ["staffReference"] = new JsonObject { ["staffUniqueId"] = staff },
        ["educationOrganizationReference"] = new JsonObject { ["educationOrganizationId"] = organization },
        ["beginDate"] = "2020-01-01",
        ["staffClassificationDescriptor"] = Uri + "StaffClassificationDescriptor#Counselor",
    };

    public static JsonObject Responsibility(string student, long organization) => new()
    {
        ["studentReference"] = new JsonObject { ["studentUniqueId"] = student },
        ["educationOrganizationReference"] = new JsonObject { ["educationOrganizationId"] = organization },
        ["beginDate"] = "2020-01-01",
        ["responsibilityDescriptor"] = Uri + "ResponsibilityDescriptor#Accountability",
    };

    public static JsonObject StudentOrganization(string student, long organization) => new()
    {
        ["studentReference"] = new JsonObject { ["studentUniqueId"] = student },
        ["educationOrganizationReference"] = new JsonObject { ["educationOrganizationId"] = organization },
    };

    public static JsonObject ClassPeriod(string name, long school) => new()
    {
        ["classPeriodName"] = name,
        ["schoolReference"] = new JsonObject { ["schoolId"] = school },
    };

    public static JsonObject Content(string id, string ns) => new() { ["contentIdentifier"] = id, ["namespace"] = ns, ["shortDescription"] = "a", ["learningResourceMetadataURI"] = "uri://b" };

    public static JsonObject Discipline(string id, string student, long school) => new()
    {
        ["disciplineActionIdentifier"] = id,
        ["disciplineDate"] = "2025-10-01",
        ["disciplines"] = new JsonArray(new JsonObject { ["disciplineDescriptor"] = Uri + "DisciplineDescriptor#Community Service" }),
        ["responsibilitySchoolReference"] = new JsonObject { ["schoolId"] = school },
        ["studentReference"] = new JsonObject { ["studentUniqueId"] = student },
    };

    /// <summary>The body of a 403.</summary>
    public static string Problem(string type, string detail, params string[] errors) => new JsonObject
    {
        ["detail"] = detail,
        ["type"] = type,
        ["title"] = "Authorization Denied",
        ["validationErrors"] = new JsonObject(),
        ["errors"] = new JsonArray([.. errors.Select(e => JsonValue.Create(e))]),
    }.ToJsonString();

    private static JsonObject Organization(string key, long id, string category) => new()
    {
        [key] = id,
        ["nameOfInstitution"] = "An organization",
        ["categories"] = new JsonArray(new JsonObject
        {
            ["educationOrganizationCategoryDescriptor"] = $"{Uri}EducationOrganizationCategoryDescriptor#{category}",
        }),
    };

    private static JsonObject With(JsonObject body, string reference, string member, long? id)
    {
        if (id is not null)
        {
            body[reference] = new JsonObject { [member] = id };
        }

        return body;
    }
}
