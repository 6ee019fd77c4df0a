using System.Text.Json.Nodes;
using Rollcall.Demo;
using Rollcall.Exchange.Sync;
using Rollcall.Exchange.Sync.Mapping;
using Rollcall.Exchange.Sync.Sources;

namespace Rollcall.Tests.Demo;

/// <summary>The sync's own reading of the sample's mapping folder, judged by the plain one.</summary>
public sealed class LimitlessSyncTests
{
    [Theory]
    [InlineData("state_id")]
    [InlineData("sis_id")]
    public async Task Sync_maps_every_row_of_the_sample_as_the_plain_reading_does(string identity)
    {
        var folder = Directory.CreateTempSubdirectory("rollcall-sync-mapping-").FullName;
        try
        {
            await LimitlessSis.WriteMappingAsync(folder);
            var profile = Path.Combine(folder, "profile.yaml");
            await File.WriteAllTextAsync(profile, (await File.ReadAllTextAsync(profile)).Replace(": state_id", $": {identity}", StringComparison.Ordinal));
            await using var sis = await SisFile.CreateAsync(400);
            var mapping = MappingFolder.Read(folder, SampleMapping.Standard, new ProfileOverrides
            {
                SourceConnection = sis.DatabasePath,
                TargetUrl = "http://127.0.0.1:1",
                TargetKey = "key",
                TargetSecret = "secret",
            });
            var mapped = new List<string>();
            await using (var reader = SqliteSis.Open(mapping.Profile.Source.Connection, mapping.Parameters))
            {
                foreach (var template in await mapping.CompileAsync(reader, default))
                {
                    var findings = new Findings();
                    var mapper = new RowMapper(template, SampleMapping.Standard, null, findings);
                    await foreach (var group in Extract.ReadAsync(reader, template, null, findings, default))
                    {
                        for (var row = 0; row < group.Rows.Rows; row++)
                        {
                            Assert.Equal(MapOutcome.Mapped, mapper.Map(group, row));
                            mapped.Add($"{template.Resource.Name} {SampleMapping.SortedText(JsonNode.Parse(mapper.Json.Span)!)}");
                        }
                    }

                    Assert.Empty(findings.ToList());
                }
            }

            var expected = await (await SampleMapping.LoadAsync()).MapAsync(sis.Connection, identity);
            Assert.Equal(
                expected.Select(d => $"{d.Resource.Name} {d.Body.ToJsonString()}").Order(StringComparer.Ordinal),
                mapped.Order(StringComparer.Ordinal));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
