using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Rollcall.Standard.Documents;
using Rollcall.Standard.Loading;
using Rollcall.Standard.Model;

namespace Rollcall.Tests.Demo;

public sealed class LimitlessMappingTests
{
    private static readonly string[] Identities = ["state_id", "local_id", "sis_id"];

    [Fact]
    public async Task The_resources_of_the_issue_are_mapped()
    {
        var mapping = await SampleMapping.LoadAsync();

        Assert.Equal(
            [
                "calendarDates", "calendars", "classPeriods", "courseOfferings", "courses", "gradingPeriods", "localEducationAgencies",
                "schools", "sections", "sessions", "staffSectionAssociations", "staffs", "studentEducationOrganizationAssociations",
                "studentSchoolAssociations", "studentSchoolAttendanceEvents", "studentSectionAssociations", "studentSectionAttendanceEvents",
                "students",
            ],
            mapping.Files.Select(f => f.Resource.Name.Endpoint).Distinct().Order(StringComparer.Ordinal));
        Assert.Equal(["studentEducationOrganizationAssociations", "students"], mapping.NeverDeleted.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Every_alias_is_a_path_of_its_resource_or_a_control_column()
    {
        var mapping = await SampleMapping.LoadAsync();
        await using var sis = await SisFile.CreateAsync(20);
        foreach (var file in mapping.Files)
        {
            await using var command = sis.Connection.CreateCommand();
            command.CommandText = file.Sql;
            foreach (var name in new[] { "district", "year", "identity_studentUniqueId" })
            {
                command.Parameters.AddWithValue(name, 0);
            }

            await using var reader = await command.ExecuteReaderAsync();
            var aliases = Enumerable.Range(0, reader.FieldCount).Select(reader.GetName).ToArray();
            Assert.Distinct(aliases);
            Assert.Contains(file.Array is null ? "@source_key" : "@parent", aliases);
            foreach (var alias in aliases)
            {
                // PostgreSQL cuts longer names, silently.
                Assert.True(Encoding.UTF8.GetByteCount(alias) < 63, $"{file.Name}: {alias} is too long.");
                if (alias[0] == '@')
                {
                    Assert.Contains(alias, new[] { "@source_key", "@parent", "@scope" });
                }
                else if (file.Array is not null || file.Resource.Key.All(k => k.Name != alias))
                {
                    var root = file.Array is null ? file.Resource.Root : file.Resource.Root.Find(file.Array)!.Members!;
                    var path = System.Text.RegularExpressions.Regex.Replace(alias, @"\[\d\]", "[*]");
                    Assert.DoesNotContain(PropertyPath.Resolve(root, path).Leaf.Type, new[] { PropertyType.Array, PropertyType.Object, PropertyType.Reference });
                }
            }
        }
    }

    [Fact]
    public async Task Crosswalks_lead_to_standard_descriptors_of_their_type()
    {
        var mapping = await SampleMapping.LoadAsync();
        var standard = await StandardDescriptorsAsync();
        foreach (var (name, rows) in mapping.Crosswalks)
        {
            var type = char.ToUpperInvariant(name[0]) + name[1..];
            Assert.Equal(rows.Count, rows.Select(r => (r.LocalCode, r.School)).Distinct().Count());
            Assert.Contains(rows, r => r.LocalCode == "*");
            foreach (var row in rows.Where(r => !(r.LocalCode == "*" && r.Descriptor == "error")))
            {
                Assert.Contains((SampleMapping.Standard.Resources.Single(r => r.TypeName == type).Name.Endpoint, row.Descriptor), standard);
            }
        }
    }

    [Fact]
    public async Task Every_local_code_that_is_mapped_has_a_crosswalk_row_of_its_own()
    {
        var mapping = await SampleMapping.LoadAsync();
        await using var sis = await SisFile.CreateAsync(1000);
        var codes = new HashSet<SampleMapping.CodeUse>();

        await mapping.MapAsync(sis.Connection, codes: codes);

        Assert.DoesNotContain(codes, c => !c.HasOwnRow);
        var used = codes.Select(c => char.ToLowerInvariant(c.DescriptorType[0]) + c.DescriptorType[1..]).ToHashSet();
        Assert.Equal(mapping.Crosswalks.Keys.Order(StringComparer.Ordinal), used.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task One_code_can_mean_something_else_at_one_school()
    {
        var mapping = await SampleMapping.LoadAsync();
        await using var sis = await SisFile.CreateAsync(2000);

        var meanings = (await mapping.MapAsync(sis.Connection)).Where(d => d.Resource.Name.Endpoint == "studentSchoolAttendanceEvents")
            .Select(d => d.Body["attendanceEventCategoryDescriptor"]!.GetValue<string>().Split('#')[1]).ToHashSet();

        Assert.Equal(["Early departure", "Excused Absence", "Tardy", "Unexcused Absence"], meanings.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Natural_keys_and_source_keys_are_unique_whichever_number_is_the_student_unique_id()
    {
        var mapping = await SampleMapping.LoadAsync();
        await using var sis = await SisFile.CreateAsync(1000);
        var unique = new HashSet<string>(StringComparer.Ordinal);
        foreach (var identity in Identities)
        {
            var documents = await mapping.MapAsync(sis.Connection, identity);
            foreach (var resource in documents.GroupBy(d => d.Resource))
            {
                Assert.Distinct(resource.Select(d => d.Key));
                Assert.Distinct(resource.Select(d => d.SourceKey));
            }

            unique.Add(documents.First(d => d.Resource.Name.Endpoint == "students").Body["studentUniqueId"]!.GetValue<string>());
        }

        Assert.Equal(3, unique.Count);
    }

    [Fact]
    public async Task Documents_have_all_required_members_and_no_value_too_long()
    {
        var mapping = await SampleMapping.LoadAsync();
        await using var sis = await SisFile.CreateAsync(800);
        var standard = await StandardDescriptorsAsync();
        foreach (var document in await mapping.MapAsync(sis.Connection))
        {
            CheckObject(document.Resource.TypeName, document.Resource.Root, document.Body, standard);
        }
    }

    [Fact]
    public async Task The_data_standards_reader_takes_every_document_and_knows_every_descriptor()
    {
        var mapping = await SampleMapping.LoadAsync();
        await using var sis = await SisFile.CreateAsync(1000);
        var descriptors = new DescriptorSet(0);
        foreach (var (resource, uri) in await StandardDescriptorsAsync())
        {
            var parts = uri.Split('#', 2);
            descriptors.Add(new DescriptorEntry(SampleMapping.Standard.Core(resource), 1, Guid.Empty, parts[0], parts[1]), 0);
        }

        foreach (var resource in (await mapping.MapAsync(sis.Connection)).GroupBy(d => d.Resource))
        {
            var reader = DocumentReader.For(resource.Key, SampleMapping.Standard);
            foreach (var document in resource)
            {
                var result = reader.Read(Encoding.UTF8.GetBytes(document.Body.ToJsonString()), ReadPurpose.Create, descriptors);

                Assert.True(result.IsValid, $"{resource.Key}: {string.Join(", ", result.Faults)}");
                Assert.Empty(result.Document!.UnknownDescriptors);
                Assert.Equal(document.Key, string.Join('|', result.Document.KeyTexts).ToUpperInvariant());
            }
        }
    }

    [Fact]
    public async Task Every_reference_leads_to_a_mapped_document_or_a_school_year()
    {
        var mapping = await SampleMapping.LoadAsync();
        await using var sis = await SisFile.CreateAsync(1000);
        var documents = await mapping.MapAsync(sis.Connection);
        var known = documents.Select(d => (d.Resource.Name.Endpoint, d.Key)).ToHashSet();
        var followed = 0;
        foreach (var document in documents)
        {
            foreach (var reference in document.Resource.References)
            {
                foreach (var node in Nodes(document.Body, reference.Path.Text[2..].Split('.')))
                {
                    var key = string.Join('|', reference.KeyFields.Select(f => node[f.Name]!.ToString().ToUpperInvariant()));
                    Assert.True(
                        reference.TargetType == "SchoolYearType" || reference.Targets.Any(t => known.Contains((t.Name.Endpoint, key))),
                        $"{document.Resource}: {reference} {key}");
                    followed++;
                }
            }
        }

        Assert.True(followed > documents.Count);
    }

    [Fact]
    public async Task One_district_of_several_can_be_mapped_alone()
    {
        var mapping = await SampleMapping.LoadAsync();
        await using var sis = await SisFile.CreateAsync(5_100);

        foreach (var file in mapping.Files)
        {
            var parts = new List<Dictionary<string, string>>();
            foreach (var district in new[] { 255_901, 255_902 })
            {
                var rows = await SampleMapping.RunAsync(sis.Connection, file, district: district);
                Assert.NotEmpty(rows);
                parts.AddRange(rows);
            }

            Assert.Equal(
                (await SampleMapping.RunAsync(sis.Connection, file)).Select(Text).Order(StringComparer.Ordinal),
                parts.Select(Text).Order(StringComparer.Ordinal));
        }

        static string Text(Dictionary<string, string> row) => string.Join('|', row.Values);
    }

    private static IEnumerable<JsonNode> Nodes(JsonNode node, ReadOnlyMemory<string> path)
    {
        if (path.IsEmpty)
        {
            return [node];
        }

        var step = path.Span[0];
        var next = node[step.EndsWith("[*]", StringComparison.Ordinal) ? step[..^3] : step];
        return next switch
        {
            null => [],
            JsonArray items => items.SelectMany(i => Nodes(i!, path[1..])),
            _ => Nodes(next, path[1..]),
        };
    }

    private static void CheckObject(string where, ObjectModel model, JsonObject body, HashSet<(string, string)> descriptors)
    {
        foreach (var property in model.Properties)
        {
            var value = body[property.Name];
            Assert.False(property.IsRequired && value is null, $"{where}.{property.Name} is required.");
            switch (value)
            {
                case JsonObject inner:
                    CheckObject($"{where}.{property.Name}", property.Members!, inner, descriptors);
                    break;
                case JsonArray items:
                    Assert.NotEmpty(items);
                    Assert.Distinct(items.Select(i => string.Join('|', property.UniqueBy.SelectMany(u => Nodes(i!, u.Split('.'))).Select(n => n.ToString()))));
                    foreach (var item in items)
                    {
                        CheckObject($"{where}.{property.Name}", property.Members!, (JsonObject)item!, descriptors);
                    }

                    break;
                case JsonValue text when property.Type == PropertyType.String:
                    var content = text.GetValue<string>();
                    Assert.InRange(content.Length, property.MinLength ?? 1, property.MaxLength ?? int.MaxValue);
                    Assert.Equal(content.Trim().Normalize(), content);
                    break;
                case JsonValue descriptor when property.Type == PropertyType.Descriptor:
                    Assert.Contains(
                        (SampleMapping.Standard.DescriptorOf(property).Name.Endpoint, descriptor.GetValue<string>()), descriptors);
                    break;
                case JsonValue date when property.Type == PropertyType.Date:
                    Assert.Matches(@"^\d{4}-\d\d-\d\d$", date.GetValue<string>());
                    break;
                case JsonValue time when property.Type == PropertyType.Time:
                    Assert.Matches(@"^\d\d:\d\d:\d\d$", time.GetValue<string>());
                    break;
            }
        }
    }

    private static async Task<HashSet<(string Resource, string Uri)>> StandardDescriptorsAsync()
    {
        var all = new HashSet<(string, string)>();
        using var reader = new StreamReader(CompactModelReader.OpenStandardDescriptors());
        while (await reader.ReadLineAsync() is { } line)
        {
            using var value = JsonDocument.Parse(line);
            string Get(string name) => value.RootElement.GetProperty(name).GetString()!;
            all.Add((Get("resource"), $"{Get("namespace")}#{Get("codeValue")}"));
        }

        return all;
    }
}
