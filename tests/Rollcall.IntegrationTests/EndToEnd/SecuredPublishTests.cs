using System.Text.Json.Nodes;
using Rollcall.IntegrationTests.Serve.Authorization;
using Rollcall.IntegrationTests.Serve.Http;
using Rollcall.Serve.Security;
using Rollcall.Serve.Storage;

namespace Rollcall.IntegrationTests.EndToEnd;

/// <summary>Publishing between two servers that let nobody in by default, with the standard claim sets of the API Publisher.</summary>
public sealed class SecuredPublishTests(PostgresFixture postgres)
{
    private static readonly string[] s_resources =
    [
        "localEducationAgencies", "schools", "classPeriods", "students", "contacts", "staffs", "studentSchoolAssociations", "studentContactAssociations",
        "staffEducationOrganizationEmploymentAssociations", "studentEducationOrganizationAssociations", "studentEducationOrganizationResponsibilityAssociations",
    ];

    [Fact]
    public async Task Students_whose_update_is_refused_until_they_are_enrolled_arrive_with_everything_else()
    {
        Assert.SkipUnless(Environment.GetEnvironmentVariable(PostgresFixture.Variable) is { Length: > 0 }, $"{PostgresFixture.Variable} is not set.");
        var (source, target) = (new SqliteServer(), new PostgresServer(postgres));
        await source.InitializeAsync();
        await target.InitializeAsync();
        try
        {
            var agency = await FillAsync(source, target);
            var reader = await ClientAsync(source, "Ed-Fi API Publisher - Reader", agency);
            var writer = await ClientAsync(target, "EdFiAPIPublisherWriter", agency);
            var published = await RollcallCli.RunAsync(
                "publish", $"--sourceUrl={source.Root}", $"--sourceKey={reader.Key}", $"--sourceSecret={reader.Secret}",
                $"--targetUrl={target.Root}", $"--targetKey={writer.Key}", $"--targetSecret={writer.Secret}",
                "--ignoreIsolation=true", $"--includeOnly={string.Join(',', s_resources)}");
            Assert.True(published.ExitCode == 0, published.Output + published.Errors);

            // What arrived is counted on the other side, and every document is compared.
            foreach (var resource in s_resources)
            {
                var (from, to) = (await AllAsync(source, resource), await AllAsync(target, resource));
                Assert.NotEmpty(from);
                Assert.Equal(from, to);
            }

            // The updates were refused at first: otherwise this test shows nothing.
            Assert.Matches("""requests_total\{.*students.*403.*\} [1-9]""", target.Host.Counters.ToPrometheus());
        }
        finally
        {
            await target.DisposeAsync();
            await source.DisposeAsync();
        }
    }

    /// <summary>A district in the source; in the target its students only, older and enrolled nowhere.</summary>
    private static async Task<long> FillAsync(SqliteServer source, PostgresServer target)
    {
        var (from, to) = (new AuthorizationWorld(source), new AuthorizationWorld(target));
        var agency = await from.AgencyAsync();
        long[] schools = [await from.SchoolAsync(agency), await from.SchoolAsync(agency)];
        for (var i = 0; i < 12; i++)
        {
            var (student, contact, staff) = ($"s{i}", $"c{i}", $"t{i}");
            var school = schools[i % 2];
            await to.PutAsync("students", AuthorizationWorld.Person("student", student, "Older"));
            await from.PutAsync("students", AuthorizationWorld.Person("student", student));
            await from.PutAsync("contacts", AuthorizationWorld.Person("contact", contact));
            await from.PutAsync("staffs", AuthorizationWorld.Person("staff", staff));
            await from.PutAsync("studentSchoolAssociations", AuthorizationWorld.Enrolment(student, school));
            await from.PutAsync("studentContactAssociations", AuthorizationWorld.Contact(contact, student));
            await from.PutAsync("staffEducationOrganizationEmploymentAssociations", AuthorizationWorld.Employment(staff, school));
            await from.PutAsync("studentEducationOrganizationAssociations", AuthorizationWorld.StudentOrganization(student, agency));
            await from.PutAsync("studentEducationOrganizationResponsibilityAssociations", AuthorizationWorld.Responsibility(student, school));
            await from.PutAsync("classPeriods", AuthorizationWorld.ClassPeriod($"p{i}", school));
        }

        return agency;
    }

    private static async Task<NewCredentials> ClientAsync(HttpServer server, string claimSet, long agency)
    {
        var (key, secret) = (SecretHash.NewKey(), SecretHash.NewSecret());
        await server.Host.Stores.Credentials.PutClientAsync(
            new ApiClient(key, claimSet, SecretHash.Create(secret), claimSet, ["uri://ed-fi.org"], [agency], 1, true), CancellationToken.None);
        return new NewCredentials(key, secret);
    }

    private static async Task<List<string>> AllAsync(HttpServer server, string resource)
    {
        var answer = (await server.GetAsync($"/data/v3/ed-fi/{resource}?limit=500")).Is(200);
        return [.. answer.Json!.AsArray().Select(d => ApiContents.Stripped((JsonObject)d!).ToJsonString()).Order(StringComparer.Ordinal)];
    }
}
