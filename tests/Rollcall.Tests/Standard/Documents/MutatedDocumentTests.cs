using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Rollcall.Standard.Documents;

namespace Rollcall.Tests.Standard.Documents;

/// <summary>Documents with something wrong, or merely odd: reader and judge must agree on each.</summary>
public sealed class MutatedDocumentTests(ITestOutputHelper output)
{
    private static readonly int Rounds = LongRun.IsOn ? 20_000 : 4_000;

    /// <summary>Every resource weighs the same, or the sections would drown the rest.</summary>
    private static readonly Lazy<(string Endpoint, byte[] Body)[][]> s_samples =
        new(() => [.. GrandBend.Documents.GroupBy(d => d.Endpoint).Select(g => g.Take(40).ToArray())]);

    private static readonly JsonSerializerOptions s_escaped = new();
    private static readonly JsonSerializerOptions s_plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, WriteIndented = true };

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Reader_and_judge_agree_on_documents_changed_at_random(int seed)
    {
        output.WriteLine($"seed {seed}");
        var random = new Random(seed);
        var accepted = 0;
        var phases = new Dictionary<FaultPhase, int>();
        for (var round = 0; round < Rounds; round++)
        {
            var group = s_samples.Value[random.Next(s_samples.Value.Length)];
            var (endpoint, body) = group[random.Next(group.Length)];
            var document = JsonNode.Parse(body)!.AsObject();
            var done = string.Join(", ", Enumerable.Range(0, random.Next(1, 4)).Select(_ => Mutation.Apply(document, random)));
            var sent = document.ToJsonString(random.Next(2) == 0 ? s_escaped : s_plain);

            var result = Read.Reader(endpoint).Read(Encoding.UTF8.GetBytes(sent), ReadPurpose.Item, null);
            var verdict = Judge.Core.Try(endpoint, JsonNode.Parse(sent));
            Assert.True(verdict.IsAccepted == result.IsValid,
                $"seed {seed}, round {round}, {endpoint}: {done}\njudge: {string.Join("; ", verdict.Problems)}\nreader: {string.Join("; ", result.Faults)}\n{sent}");
            if (result.IsValid)
            {
                accepted++;
                Same.Assert(verdict, result.Document!);
            }
            else
            {
                var phase = Assert.Single(result.Faults.Select(f => f.Phase).Distinct());
                phases[phase] = phases.GetValueOrDefault(phase) + 1;
            }
        }

        output.WriteLine($"accepted {accepted}, refused {string.Join(", ", phases)}");
        Assert.InRange(accepted, Rounds / 10, Rounds * 9 / 10);
        foreach (var phase in new[] { FaultPhase.Schema, FaultPhase.DecimalRange, FaultPhase.Equality, FaultPhase.DuplicateReference, FaultPhase.DuplicateItem })
        {
            Assert.True(phases.GetValueOrDefault(phase) > 0, $"No document was refused in the phase {phase}.");
        }
    }

    [Theory]
    [InlineData("required", "birthDate")]
    [InlineData("maxLength", "firstName")]
    [InlineData("minLength", "namespace")]
    [InlineData("minimum", "totalInstructionalDays")]
    [InlineData("range", "schoolId")]
    [InlineData("totalDigits", "yearsOfPriorProfessionalExperience")]
    [InlineData("unique", "gradeLevels")]
    [InlineData("type", "currentSchoolYear")]
    [InlineData("equal", "bellSchedules")]
    [InlineData("key", "sections")]
    public void A_judge_with_one_rule_less_is_found_out(string rule, string where)
    {
        var judge = Judge.With(model => Break(model, rule, where));
        var random = new Random(3);
        var endpoints = Judge.Core.Endpoints.Where(e => e == where || Judge.Core.ModelOf(e)["properties"]!.AsObject().ContainsKey(where)).ToHashSet();
        var samples = GrandBend.Documents.Where(d => endpoints.Contains(d.Endpoint)).GroupBy(d => d.Endpoint).SelectMany(g => g.Take(20)).ToArray();
        var disagreements = 0;
        for (var round = 0; round < 4000 && disagreements == 0; round++)
        {
            var (endpoint, body) = samples[random.Next(samples.Length)];
            var document = JsonNode.Parse(body)!.AsObject();
            Mutation.Apply(document, random);
            if (rule is "minimum" or "range" or "totalDigits" && document.ContainsKey(where))
            {
                document[where] = random.Next(2) == 0 ? -1 : 3_000_000_000;
            }

            var verdict = judge.Try(endpoint, document.DeepClone());
            var result = Read.Body(endpoint, document.ToJsonString(), ReadPurpose.Item);
            disagreements += verdict.IsAccepted != result.IsValid || (result.IsValid && verdict.Key != result.Document!.KeyHash.ToString()) ? 1 : 0;
        }

        Assert.Equal(1, disagreements);
    }

    private static void Break(JsonObject model, string rule, string where)
    {
        foreach (var (endpoint, resource) in model["resources"]!.AsObject())
        {
            if (rule == "equal" && endpoint == where)
            {
                resource!.AsObject().Remove("equal");
            }
            else if (rule == "key" && endpoint == where)
            {
                var key = resource!["key"]!.AsObject();
                var first = key.First();
                key.Remove(first.Key);
                key.Add(first.Key, first.Value!.DeepClone());
            }
            else if (resource!["properties"]![where] is JsonObject property)
            {
                switch (rule)
                {
                    case "range":
                        property["range"] = "int32";
                        break;
                    case "totalDigits":
                        property["totalDigits"] = 25;
                        break;
                    case "type":
                        property["type"] = "string";
                        break;
                    default:
                        property.Remove(rule);
                        break;
                }
            }
        }
    }
}
