using System.Text;
using Rollcall.Standard.Documents;

namespace Rollcall.Tests.Standard.Documents;

/// <summary>Bodies that want to break the reader: whatever is sent, there is an answer, in bounded memory and without an exception.</summary>
public sealed class HostileBodyTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData(21)]
    public void Random_bytes_are_answered(int seed)
    {
        output.WriteLine($"seed {seed}");
        var random = new Random(seed);
        for (var round = 0; round < 20_000; round++)
        {
            var body = new byte[random.Next(200)];
            random.NextBytes(body);
            if (body.Length > 0 && round % 2 == 0)
            {
                body[0] = (byte)'{';
            }

            Answered("students", body, seed, round);
        }
    }

    [Theory]
    [InlineData(22)]
    public void Damaged_documents_are_answered(int seed)
    {
        output.WriteLine($"seed {seed}");
        const string Tokens = "{}[]\",:\\\0 \n/0123456789eE+-.truefalsnu#\u00e9\ud83d\ude00";
        var tokens = Encoding.UTF8.GetBytes(Tokens);
        var random = new Random(seed);
        var documents = GrandBend.Documents.Where((d, i) => i % 97 == 0 && d.Body.Length < 3000).ToArray();
        int accepted = 0, refused = 0;
        for (var round = 0; round < 40_000; round++)
        {
            var (endpoint, original) = documents[random.Next(documents.Length)];
            var body = original.ToList();
            for (var i = random.Next(1, 4); i > 0; i--)
            {
                var at = random.Next(body.Count);
                switch (random.Next(4))
                {
                    case 0:
                        body[at] = tokens[random.Next(tokens.Length)];
                        break;
                    case 1:
                        body.Insert(at, tokens[random.Next(tokens.Length)]);
                        break;
                    case 2:
                        body.RemoveAt(at);
                        break;
                    default:
                        body.InsertRange(at, body.Skip(random.Next(body.Count)).Take(random.Next(40)).ToArray());
                        break;
                }
            }

            _ = Answered(endpoint, [.. body], seed, round).IsValid ? accepted++ : refused++;
        }

        output.WriteLine($"accepted {accepted}, refused {refused}");
        Assert.True(accepted > 1000 && refused > 10_000);
    }

    [Fact]
    public void Every_truncation_of_a_document_is_malformed()
    {
        var body = GrandBend.Documents.First(d => d.Endpoint == "schools").Body;
        for (var length = 0; length < body.Length; length++)
        {
            Assert.Equal(FaultPhase.Json, Assert.Single(Read.Body("schools", body[..length]).Faults).Phase);
        }
    }

    [Theory]
    [InlineData("[")]
    [InlineData("{\"a\":")]
    [InlineData("{\"otherNames\":[")]
    public void Very_deep_nesting_is_refused(string opening)
    {
        var body = Encoding.UTF8.GetBytes("{\"odd\":" + string.Concat(Enumerable.Repeat(opening, 100_000)));
        Assert.Equal(FaultPhase.Json, Assert.Single(Read.Body("students", body).Faults).Phase);
    }

    [Theory]
    [InlineData("academicWeeks", "totalInstructionalDays", FaultPhase.Schema)]
    [InlineData("staffs", "yearsOfPriorProfessionalExperience", FaultPhase.DecimalRange)]
    public void A_number_of_a_million_digits_is_out_of_range(string endpoint, string name, FaultPhase phase)
    {
        var members = endpoint == "staffs" ? Read.Staff : Read.Week;
        foreach (var number in new[] { new string('9', 1_000_000), "\"" + new string('9', 1_000_000) + "\"", "1" + new string('0', 1_000_000), "1e" + new string('9', 1_000_000) })
        {
            var fault = Assert.Single(Read.Body(endpoint, Read.With(members, name, number)).Faults);
            Assert.Equal(phase, fault.Phase);
            Assert.True(fault.Message.Length < 200);
        }
    }

    [Fact]
    public void A_million_fractional_digits_are_rounded()
    {
        Assert.Contains("\"yearsOfPriorProfessionalExperience\":1.01", Read.Stored("staffs",
            Read.With(Read.Staff, "yearsOfPriorProfessionalExperience", "1.005" + new string('0', 1_000_000) + "1")), StringComparison.Ordinal);
    }

    [Fact]
    public void Memory_stays_within_a_multiple_of_the_body()
    {
        // Each is 10 MB of the smallest pieces that could each cost something.
        const int Size = 10 << 20;
        foreach (var (name, piece) in new[]
        {
            ("otherNames", "{}"), ("otherNames", "{\"a\":1}"), ("addresses", "{\"city\":\"\"}"), ("addresses", "{\"periods\":[{}]}"), ("odd", "{\"a\":1}"), ("addresses", "1"),
        })
        {
            var body = new byte[Size];
            var start = Encoding.UTF8.GetBytes($"{{{(name == "addresses" ? Read.Staff : Read.Student)},\"{name}\":[{piece}");
            var next = Encoding.UTF8.GetBytes("," + piece);
            start.CopyTo(body, 0);
            var at = start.Length;
            for (; at + next.Length + 2 < Size; at += next.Length)
            {
                next.CopyTo(body, at);
            }

            "]}"u8.CopyTo(body.AsSpan(at));
            var endpoint = name == "addresses" ? "staffs" : "students";
            var before = GC.GetAllocatedBytesForCurrentThread();
            var result = Read.Body(endpoint, body[..(at + 2)]);
            var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            Assert.True(allocated < 40L * Size, $"{piece}: {allocated:n0} bytes for a body of {Size:n0}.");
            Assert.True(result.Faults.Count <= 1000);
        }
    }

    [Fact]
    public void A_million_unknown_members_are_looked_at_in_reasonable_time()
    {
        var names = string.Join(',', Enumerable.Range(0, 700_000).Select(i => $"\"n{i:x}\":0"));
        Assert.Equal("", Read.Faults("students", $"{{{names},{Read.Student}}}"));
        Assert.Equal("DuplicateMember $.n5 An item with the same key has already been added.", Read.Faults("students", $"{{{names},{Read.Student},\"n5\":1}}"));
    }

    [Fact]
    public void A_very_long_name_above_many_members_is_not_copied_for_each()
    {
        var members = string.Join(',', Enumerable.Range(0, 100_000).Select(i => $"\"n{i:x}\":{{}}"));
        var name = new string('x', 1_000_000);
        Assert.Equal($"$.{name}.a", Assert.Single(Read.Body("students", $"{{{Read.Student},\"{name}\":{{{members},\"a\":1,\"a\":2}}}}").Faults).Path);
    }

    [Fact]
    public void A_conflict_of_many_values_is_reported_briefly()
    {
        var periods = string.Join(',', Enumerable.Range(0, 50_000).Select(i => $"{{\"classPeriodReference\":{{\"classPeriodName\":\"P\",\"schoolId\":{i}}}}}"));
        var faults = Read.Body("bellSchedules", Read.With(Read.Schedule, "classPeriods", $"[{periods}]")).Faults;
        Assert.Equal(2, faults.Count);
        Assert.All(faults, f => Assert.True(f.Phase == FaultPhase.Equality && f.Message.Length < 2000));
    }

    private static ReadResult Answered(string endpoint, byte[] body, int seed, int round)
    {
        try
        {
            var result = Read.Reader(endpoint).Read(body, (ReadPurpose)(round % 3), null, Guid.Empty);
            Assert.Equal(result.IsValid, result.Faults.Count == 0);
            if (result.Document is { } document)
            {
                var again = Read.Reader(endpoint).Read(document.Body, ReadPurpose.Item, null);
                Assert.True(again.IsValid && again.Document!.Body.Span.SequenceEqual(document.Body.Span), "The canonical form is not canonical.");
            }

            return result;
        }
        catch (Exception unexpected)
        {
            throw new InvalidOperationException($"seed {seed}, round {round}, {endpoint}: {Convert.ToBase64String(body)}", unexpected);
        }
    }
}
