using System.Text.Json;
using Rollcall.Serve.Metadata;
using Rollcall.Standard.Loading;
using Rollcall.Tests.Standard.Documents;

namespace Rollcall.Tests.Serve.Metadata;

public sealed class OpenApiDocumentTests
{
    private static readonly JsonElement Resources =
        JsonDocument.Parse(OpenApiDocument.Resources(CompactModelReader.EdFi52, "http://h/data/v3", "http://h/oauth/token", 500)).RootElement;

    private static readonly JsonElement Descriptors =
        JsonDocument.Parse(OpenApiDocument.Descriptors(CompactModelReader.EdFi52, "http://h/data/v3", "http://h/oauth/token", 500)).RootElement;

    [Theory]
    [InlineData("interventions", "appropriateSexes", "edFi_interventionAppropriateSex")]
    [InlineData("interventions", "diagnoses", "edFi_interventionDiagnosis")]
    [InlineData("surveyQuestions", "matrices", "edFi_surveyQuestionMatrix")]
    [InlineData("learningStandards", "academicSubjects", "edFi_learningStandardAcademicSubject")]
    [InlineData("students", "personalIdentificationDocuments", "edFi_studentPersonalIdentificationDocument")]
    [InlineData("schools", "addresses", "edFi_schoolAddress")]
    [InlineData("schools", "educationOrganizationCategories", "edFi_schoolEducationOrganizationCategory")]
    public void The_schema_of_an_arrays_items_is_named_in_the_singular(string endpoint, string array, string expected)
    {
        var schema = OpenApiSchemas.NameOf(CompactModelReader.EdFi52.Core(endpoint));
        var items = Resources.GetProperty("components").GetProperty("schemas").GetProperty(schema).GetProperty("properties").GetProperty(array).GetProperty("items");
        Assert.Equal("#/components/schemas/" + expected, items.GetProperty("$ref").GetString());
    }

    [Theory]
    [InlineData("directlyOwnedBuses", "directlyOwnedBus")]
    [InlineData("artMedia", "artMedium")]
    [InlineData("designatedBies", "designatedBy")]
    [InlineData("programParticipationStatuses", "programParticipationStatus")]
    [InlineData("uses", "use")]
    [InlineData("courses", "course")]
    public void Names_of_the_models_have_a_singular(string plural, string expected) => Assert.Equal(expected, OpenApiSchemas.Singular(plural));

    [Rule("1.2.openapi-paths", Stores = RuleStores.None)]
    [Fact]
    public void Every_resource_has_its_five_paths()
    {
        var paths = Resources.GetProperty("paths");
        foreach (var resource in CompactModelReader.EdFi52.Resources.Where(r => !r.IsDescriptor))
        {
            foreach (var suffix in (string[])["", "/{id}", "/deletes", "/keyChanges", "/partitions"])
            {
                Assert.True(paths.TryGetProperty(resource.Name.Path + suffix, out _), resource.Name.Path + suffix);
            }
        }

        Assert.Equal(138 * 5, paths.EnumerateObject().Count());
        Assert.Equal(211 * 5, Descriptors.GetProperty("paths").EnumerateObject().Count());
    }

    [Rule("1.2.openapi-schemas", Stores = RuleStores.None)]
    [Fact]
    public void Every_local_reference_resolves()
    {
        foreach (var document in (JsonElement[])[Resources, Descriptors])
        {
            var count = 0;
            foreach (var reference in References(document))
            {
                var target = document;
                foreach (var segment in reference[2..].Split('/'))
                {
                    Assert.True(target.TryGetProperty(segment, out target), reference);
                }

                count++;
            }

            Assert.True(count > 1000);
        }
    }

    [Rule("1.2.openapi-tracked-keys", Stores = RuleStores.None)]
    [Theory]
    [InlineData("studentSchoolAssociations", "entryDate:string:date schoolId:integer:int64 studentUniqueId:string:")]
    [InlineData("gradeLevelDescriptors", "codeValue:string: namespace:string:")]
    public void Rows_of_deletes_and_key_changes_tell_the_natural_key_member_by_member(string endpoint, string expected)
    {
        var resource = CompactModelReader.EdFi52.Core(endpoint);
        var document = resource.IsDescriptor ? Descriptors : Resources;
        var schemas = document.GetProperty("components").GetProperty("schemas");
        foreach (var (path, members) in (ReadOnlySpan<(string, string[])>)[("deletes", ["keyValues"]), ("keyChanges", ["oldKeyValues", "newKeyValues"])])
        {
            var row = document.GetProperty("paths").GetProperty($"{resource.Name.Path}/{path}").GetProperty("get").GetProperty("responses").GetProperty("200")
                .GetProperty("content").GetProperty("application/json").GetProperty("schema").GetProperty("items").GetProperty("$ref").GetString()!.Split('/')[^1];
            foreach (var member in members)
            {
                var key = schemas.GetProperty(row).GetProperty("properties").GetProperty(member).GetProperty("$ref").GetString()!.Split('/')[^1];
                Assert.Equal(expected, string.Join(' ', schemas.GetProperty(key).GetProperty("properties").EnumerateObject().OrderBy(p => p.Name, StringComparer.Ordinal)
                    .Select(p => $"{p.Name}:{p.Value.GetProperty("type").GetString()}:{(p.Value.TryGetProperty("format", out var format) ? format.GetString() : "")}")));
            }
        }
    }

    [Rule("1.2.openapi-operation-ids", Stores = RuleStores.None)]
    [Fact]
    public void Schema_names_and_operation_ids_are_unique()
    {
        foreach (var document in (JsonElement[])[Resources, Descriptors])
        {
            var schemas = document.GetProperty("components").GetProperty("schemas").EnumerateObject().Select(s => s.Name).ToArray();
            Assert.Equal(schemas.Length, schemas.Distinct(StringComparer.Ordinal).Count());
            var operations = document.GetProperty("paths").EnumerateObject()
                .SelectMany(p => p.Value.EnumerateObject().Select(o => o.Value.GetProperty("operationId").GetString()!)).ToArray();
            Assert.Equal(operations.Length, operations.Distinct(StringComparer.Ordinal).Count());
        }
    }

    [Fact]
    public void Each_reference_schema_has_exactly_the_fields_of_every_reference_that_uses_it()
    {
        var schemas = Resources.GetProperty("components").GetProperty("schemas");
        foreach (var resource in CompactModelReader.EdFi52.Resources.Where(r => !r.IsDescriptor))
        {
            var root = schemas.GetProperty(OpenApiSchemas.NameOf(resource)).GetProperty("properties");
            foreach (var reference in resource.References.Where(r => r.Path.Steps.Length == 1))
            {
                var name = root.GetProperty(reference.Property.Name).GetProperty("$ref").GetString()!.Split('/')[^1];
                var fields = schemas.GetProperty(name).GetProperty("properties").EnumerateObject().Select(p => p.Name).Where(n => n != "link");
                Assert.Equal(reference.Property.Members!.Properties.Select(p => p.Name), fields);
            }
        }
    }

    [Theory]
    [InlineData("edFi_courseOffering", "localCourseCode schoolReference sessionReference", "courseReference localCourseCode schoolReference sessionReference")]
    [InlineData("edFi_student", "studentUniqueId", "birthDate firstName lastSurname studentUniqueId")]
    [InlineData(
        "edFi_studentSchoolAssociation", "entryDate schoolReference studentReference",
        "entryDate entryGradeLevelDescriptor schoolReference studentReference")]
    [Rule("1.2.openapi-identity", Stores = RuleStores.None)]
    public void Identity_and_required_members_are_those_of_the_published_document(string schema, string identity, string required)
    {
        var body = Resources.GetProperty("components").GetProperty("schemas").GetProperty(schema);
        var marked = body.GetProperty("properties").EnumerateObject()
            .Where(p => p.Value.TryGetProperty("x-Ed-Fi-isIdentity", out var flag) && flag.GetBoolean()).Select(p => p.Name);
        Assert.Equal(identity.Split(' '), marked);
        Assert.Equal(required.Split(' '), body.GetProperty("required").EnumerateArray().Select(r => r.GetString()!));
    }

    [Rule("1.2.openapi-identity", Stores = RuleStores.None)]
    [Fact]
    public void Only_the_eight_resources_whose_key_can_change_are_marked_updatable()
    {
        var updatable = Resources.GetProperty("paths").EnumerateObject()
            .Where(p => p.Value.TryGetProperty("put", out var put) && put.TryGetProperty("x-Ed-Fi-isUpdatable", out _))
            .Select(p => p.Name.Split('/')[2]).Order(StringComparer.Ordinal);
        Assert.Equal(
            "classPeriods gradebookEntries grades locations sections sessions studentSchoolAssociations studentSectionAssociations".Split(' '),
            updatable);
    }

    [Rule("1.2.openapi-query-fields", Stores = RuleStores.None)]
    [Fact]
    public void A_list_has_every_paging_parameter_and_every_query_field()
    {
        foreach (var resource in CompactModelReader.EdFi52.Resources)
        {
            var document = resource.IsDescriptor ? Descriptors : Resources;
            var names = document.GetProperty("paths").GetProperty(resource.Name.Path).GetProperty("get").GetProperty("parameters").EnumerateArray()
                .Select(p => p.TryGetProperty("$ref", out var shared) ? Resolve(document, shared.GetString()!) : p).Select(p => p.GetProperty("name").GetString()!).ToArray();
            Assert.Equal(
                [
                    "offset", "limit", "pageToken", "pageSize", "minChangeVersion", "maxChangeVersion", "totalCount", "Use-Snapshot", "id",
                    .. resource.QueryFields.Select(f => f.Name),
                ],
                names);
        }
    }

    [Fact]
    public void Every_read_takes_the_header_of_snapshots_and_no_write_does()
    {
        foreach (var document in (JsonElement[])[Resources, Descriptors])
        {
            foreach (var path in document.GetProperty("paths").EnumerateObject())
            {
                foreach (var operation in path.Value.EnumerateObject())
                {
                    var names = operation.Value.TryGetProperty("parameters", out var parameters)
                        ? parameters.EnumerateArray().Select(p => p.TryGetProperty("$ref", out var shared) ? Resolve(document, shared.GetString()!) : p).Select(p => p.GetProperty("name").GetString()!)
                        : [];
                    Assert.Equal(operation.Name == "get" ? 1 : 0, names.Count(n => n == "Use-Snapshot"));
                }
            }
        }
    }

    [Rule("1.2.openapi-tags", Stores = RuleStores.None)]
    [Fact]
    public void Every_operation_has_the_tag_of_its_resource_and_every_tag_is_described()
    {
        foreach (var document in (JsonElement[])[Resources, Descriptors])
        {
            var tags = document.GetProperty("tags").EnumerateArray().ToDictionary(t => t.GetProperty("name").GetString()!, t => t.GetProperty("description").GetString()!);
            Assert.All(tags.Values, d => Assert.NotEmpty(d));
            foreach (var path in document.GetProperty("paths").EnumerateObject())
            {
                foreach (var operation in path.Value.EnumerateObject())
                {
                    var tag = Assert.Single(operation.Value.GetProperty("tags").EnumerateArray()).GetString()!;
                    Assert.Equal(path.Name.Split('/')[2], tag);
                    Assert.True(tags.ContainsKey(tag), tag);
                }
            }
        }
    }

    [Rule("1.2.openapi-accepts-documents", Stores = RuleStores.None)]
    [Fact]
    public void The_schemas_accept_every_sample_document_and_refuse_a_broken_one()
    {
        var counts = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var (endpoint, body) in GrandBend.StandardDescriptors.Concat(GrandBend.Sample))
        {
            var resource = CompactModelReader.EdFi52.Resources.First(r => r.Name.Endpoint == endpoint.Split('/')[^1]);
            var document = resource.IsDescriptor ? Descriptors : Resources;
            using var json = JsonDocument.Parse(body);
            var faults = OpenApiJudge.Faults(document, OpenApiSchemas.NameOf(resource), json.RootElement).Take(3).ToArray();
            Assert.True(faults.Length == 0, $"{endpoint}: {string.Join("; ", faults)}");
            counts[endpoint] = counts.GetValueOrDefault(endpoint) + 1;
        }

        Assert.True(counts.Count > 50, $"only {counts.Count} resources have sample documents");

        // The negative control: what the API refuses, the schema refuses too.
        foreach (var (broken, fault) in (IEnumerable<(string, string)>)
            [("""{"firstName":"A","lastSurname":"B","birthDate":"2010-01-01"}""", "studentUniqueId is required"),
            ("""{"studentUniqueId":7,"firstName":"A","lastSurname":"B","birthDate":"2010-01-01"}""", "studentUniqueId is no string"),
            ("""{"studentUniqueId":"1","firstName":"A","lastSurname":"B","birthDate":"soon"}""", "birthDate is no date"),
            ("""{"studentUniqueId":"1","firstName":"A","lastSurname":"B","birthDate":"2010-01-01","otherNames":[{"firstName":"C"}]}""", "lastSurname is required")])
        {
            using var json = JsonDocument.Parse(broken);
            Assert.Contains(OpenApiJudge.Faults(Resources, "edFi_student", json.RootElement), f => f.EndsWith(fault, StringComparison.Ordinal));
        }
    }

    private static JsonElement Resolve(JsonElement document, string reference) =>
        reference[2..].Split('/').Aggregate(document, (at, segment) => at.GetProperty(segment));

    private static IEnumerable<string> References(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Object => element.EnumerateObject().SelectMany(p =>
            p.NameEquals("$ref") ? [p.Value.GetString()!] : References(p.Value)),
        JsonValueKind.Array => element.EnumerateArray().SelectMany(References),
        _ => [],
    };
}
