using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Rollcall.Standard.Documents;

namespace Rollcall.Tests.Standard.Documents;

/// <summary>Documents with something wrong, or merely odd: reader and judge must agree on each.</summary>
public sealed class MutatedDocumentTests(ITestOutputHelper output)
{
    private const int Rounds = 20_000;

    private static readonly JsonSerializerOptions s_escaped = new();
    private static readonly JsonSerializerOptions s_plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, WriteIndented = true };

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Reader_and_judge_agree_on_documents_changed_at_random(int seed)
    {
        output.WriteLine($"seed {seed}");
        var random = new Random(seed);
        // Every resource weighs the same, or the sections would drown the rest.
        var samples = GrandBend.Documents.GroupBy(d => d.Endpoint).Select(g => g.Take(40).ToArray()).ToArray();
        var accepted = 0;
        var phases = new Dictionary<FaultPhase, int>();
        for (var round = 0; round < Rounds; round++)
        {
            var group = samples[random.Next(samples.Length)];
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
}
