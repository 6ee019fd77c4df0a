using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Rollcall.Standard.Documents;
using Rollcall.Tests.Standard.Documents;
using Rollcall.Tests.Standard.Loading;

namespace Rollcall.Tests.Standard.Generated;

/// <summary>Random valid documents of every resource, the extensions' too, and every single fault of each, against the reader alone.
/// Over HTTP and both stores the same is done by the integration tests.</summary>
public sealed class GeneratedDocumentTests
{
    private static readonly int PerResource = LongRun.IsOn ? 50 : 1;

    /// <summary>One value in six is at a bound: with so many, the control finds a bound that is moved.</summary>
    private const int ControlsPerResource = 60;

    private static readonly ConcurrentDictionary<string, DocumentReader> s_readers = new(StringComparer.Ordinal);

    [Fact]
    public void The_reader_takes_every_generated_document_as_the_judge_does_and_refuses_every_single_fault()
    {
        var (resources, documents, faults, disagreements) = Compare(Judge.All, seed: 20250901, PerResource, _ => true, withFaults: true, int.MaxValue);
        Assert.Equal(349 + 33 + 7 + 7, resources);
        Assert.Equal(resources * PerResource, documents);
        Assert.InRange(faults, documents * 10, int.MaxValue);
        Assert.True(disagreements.Count == 0, $"{disagreements.Count} disagreements, seed 20250901:\n{string.Join('\n', disagreements.Take(20))}");
    }

    [Theory]
    [InlineData("maxLength", "firstName")]
    [InlineData("maximum", "schoolYear")]
    [InlineData("required", "nameOfInstitution")]
    [InlineData("unique", "gradeLevels")]
    [InlineData("type", "birthDate")]
    [InlineData("totalDigits", "availableCredits")]
    [InlineData("equal", "courseOfferings")]
    public void A_generator_with_one_rule_other_is_found_out(string rule, string where)
    {
        var broken = Judge.AllWith(model => Break(model, rule, where));
        bool HasRule(string resource) => resource == where || broken.Model["resources"]![resource]?["properties"]![where] is not null;
        var (_, _, _, disagreements) = Compare(broken, seed: 7, ControlsPerResource, HasRule, withFaults: false, 1);
        Assert.NotEmpty(disagreements);
    }

    /// <returns>Counts, and the first few documents about which reader and judge disagree.</returns>
    private static (int Resources, int Documents, int Faults, List<string> Disagreements) Compare(
        Judge judge, int seed, int perResource, Func<string, bool> isWanted, bool withFaults, int disagreementsMax)
    {
        var factory = new DocumentFactory(judge.Model, new Random(seed));
        var faultsOf = new SingleFaults(judge.Model, factory);
        var random = new Random(seed);
        var disagreements = new List<string>();
        int resources = 0, documents = 0, faults = 0;
        foreach (var resource in factory.Resources.Where(isWanted).ToArray())
        {
            resources++;
            for (var i = 0; i < perResource && disagreements.Count < disagreementsMax; i++)
            {
                documents++;
                var sample = factory.Make(resource);
                var verdict = judge.Try(resource, sample.Body.DeepClone());
                var read = Read(resource, sample.Body);
                if (!verdict.IsAccepted || !read.IsValid)
                {
                    disagreements.Add($"{resource}: judge {string.Join("; ", verdict.Problems)}, reader {string.Join("; ", read.Faults)}");
                    continue;
                }

                if (!Same.ButForNumbers(verdict.Stored, JsonNode.Parse(read.Document!.Body.Span)) || verdict.Key != read.Document.KeyHash.ToString())
                {
                    disagreements.Add($"{resource}: stored otherwise than the judge says");
                }

                foreach (var fault in withFaults ? faultsOf.Of(sample, random).Where(f => !f.NeedsStore) : [])
                {
                    faults++;
                    var refused = Read(resource, fault.Body).Faults.Select(f => f.Path).ToHashSet(StringComparer.Ordinal);
                    if (!fault.Paths.All(refused.Contains))
                    {
                        disagreements.Add($"{resource} {fault}; reader {string.Join(" ", refused)}");
                    }
                }
            }
        }

        return (resources, documents, faults, disagreements);
    }

    private static ReadResult Read(string resource, JsonObject body)
    {
        var reader = s_readers.GetOrAdd(resource, r => JudgedModel.PathOf(r).Split('/') is [var ns, var endpoint]
            ? DocumentReader.For(ExtensionModels.All.Find(ns, endpoint)!, ExtensionModels.All)
            : throw new InvalidOperationException(r));
        return reader.Read(Encoding.UTF8.GetBytes(body.ToJsonString()), ReadPurpose.Create, null);
    }

    private static void Break(JsonObject model, string rule, string where)
    {
        foreach (var (endpoint, resource) in model["resources"]!.AsObject())
        {
            if (rule == "equal" && endpoint == where)
            {
                resource!.AsObject().Remove("equal");
                // Without the set the two members get values of their own.
                resource["key"]!["schoolId"]!.AsArray().RemoveAt(1);
            }
            else if (resource!["properties"]![where] is JsonObject property)
            {
                switch (rule)
                {
                    case "maxLength" or "maximum" or "totalDigits" when property[rule] is { } bound:
                        property[rule] = JsonNode.Parse((bound.GetValue<int>() + 1).ToString(CultureInfo.InvariantCulture));
                        break;
                    case "type":
                        property["type"] = "datetime";
                        break;
                    case "unique":
                        property.Remove("unique");
                        break;
                    case "required":
                        property.Remove("required");
                        break;
                }
            }
        }
    }
}
