namespace Rollcall.IntegrationTests.Serve.Http;

/// <summary>What a document may hold with <c>--compatibility dms</c> and not by default, and the other way round.</summary>
public abstract class HttpDmsStrictnessTests(HttpServer server)
{
    [Theory]
    [Rule("4.3.date-times-dms")]
    [InlineData("2024-03-19", "2024-03-19T00:00:00Z")]
    [InlineData("2024/03/19", "2024-03-19T00:00:00Z")]
    [InlineData("3/19/2024", "2024-03-19T00:00:00Z")]
    [InlineData("2024-03-19 4:05:06 PM", "2024-03-19T16:05:06Z")]
    [InlineData("2024-03-19T10:20:30", "2024-03-19T10:20:30Z")]
    [InlineData("2024-03-19T15:00:00-06:00", "2024-03-19T21:00:00Z")]
    [InlineData("2024-03-19T15:00:00.987Z", "2024-03-19T15:00:00Z")]
    [InlineData("soon", null)]
    [InlineData("10:20:30", null)]
    public Task A_date_time_is_completed_and_has_whole_seconds(string sent, string? expected) => HttpStrictnessTests.DateTimeAsync(server, sent, expected);

    [Fact]
    [Rule("5.4.dms-only")]
    public async Task Values_that_only_the_DMS_merges_must_agree()
    {
        var answer = (await server.PostAsync("/data/v3/ed-fi/grades", """
            {"gradingPeriodReference":{"gradingPeriodDescriptor":"uri://x#y","gradingPeriodName":"P","schoolId":1,"schoolYear":2024},"gradeTypeDescriptor":"uri://x#y",
             "studentSectionAssociationReference":{"beginDate":"2024-01-01","localCourseCode":"M","schoolId":1,"schoolYear":2025,"sectionIdentifier":"S","sessionName":"F","studentUniqueId":"1"}}
            """)).Is(400);
        Assert.Contains("All values supplied for 'schoolYear' must match", answer.Body, StringComparison.Ordinal);
    }

    [Fact]
    [Rule("11.11.put-id")]
    public async Task A_put_needs_the_id_in_its_body()
    {
        var created = (await server.PostAsync("/data/v3/ed-fi/students", HttpServer.Student(server.Unique("dms-id-")))).Is(201);
        var answer = await server.PutAsync($"/data/v3/ed-fi/students/{created.Id}", """{"studentUniqueId":"x","firstName":"A","birthDate":"2010-01-01"}""");
        answer.IsProblem(400, """
            {
              "detail": "Data validation failed. See 'validationErrors' for details.", "type": "urn:ed-fi:api:bad-request:data-validation-failed", "title": "Data Validation Failed", "errors": [],
              "validationErrors": { "$.lastSurname": ["lastSurname is required."], "$.id": ["id is required."] }
            }
            """);
        (await server.PutAsync($"/data/v3/ed-fi/students/{created.Id}", """{"id":null,"studentUniqueId":"x","firstName":"A","lastSurname":"B","birthDate":"2010-01-01"}""")).Is(400);
    }
}

[Collection(SqliteDmsCollection.Name)]
public sealed class SqliteHttpDmsStrictnessTests(SqliteDmsServer server) : HttpDmsStrictnessTests(server);

[Collection(PostgresDmsCollection.Name)]
public sealed class PostgresHttpDmsStrictnessTests(PostgresDmsServer server) : HttpDmsStrictnessTests((HttpServer)server.OrSkip());
