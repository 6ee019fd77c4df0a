using System.IO.Compression;
using System.Text;
using System.Text.Json;
using BenchmarkDotNet.Attributes;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using Perfolizer.Horology;
using Rollcall.Standard.Documents;
using Rollcall.Standard.Keys;
using Rollcall.Standard.Loading;
using Rollcall.Standard.Model;

namespace Rollcall.Benchmarks;

/// <summary>What it costs to read one document, next to its floor: the JSON reader alone over the same bytes.</summary>
/// <remarks>Each invocation reads 50 documents of one resource of Grand Bend; figures are per document.</remarks>
[MemoryDiagnoser]
[Config(typeof(InThisProcess))]
public class ReaderBenchmarks
{
    private const int Documents = 50;

    private readonly byte[] _text = Encoding.ASCII.GetBytes(new string('x', 4096));
    private byte[][] _bodies = [];
    private DocumentReader _reader = null!;
    private DescriptorSet _descriptors = null!;

    /// <summary>About 150, 280, 900, 2,600 and 1,000 bytes a document; the last is the deepest.</summary>
    [Params("students", "studentSectionAssociations", "contacts", "schools", "studentAssessments")]
    public string Resource { get; set; } = "";

    [GlobalSetup]
    public void Load()
    {
        var standard = CompactModelReader.EdFi52;
        _reader = DocumentReader.For(standard.Core(Resource), standard);
        var lines = Lines(Resource).ToArray();
        _bodies = [.. Enumerable.Range(0, Documents).Select(i => lines[i % lines.Length])];
        _descriptors = new DescriptorSet(1);
        foreach (var line in Lines("standard-descriptors"))
        {
            using var json = JsonDocument.Parse(line);
            var body = json.RootElement.GetProperty("body");
            ResourceModel type = standard.Core(json.RootElement.GetProperty("resource").GetString()!);
            _descriptors.Add(
                new DescriptorEntry(type, 1, Guid.Empty, body.GetProperty("namespace").GetString()!, body.GetProperty("codeValue").GetString()!), 0);
        }
    }

    [Benchmark(Baseline = true, OperationsPerInvoke = Documents)]
    public int JsonReaderAlone()
    {
        var tokens = 0;
        foreach (var body in _bodies)
        {
            var json = new Utf8JsonReader(body);
            while (json.Read())
            {
                tokens++;
            }
        }

        return tokens;
    }

    [Benchmark(OperationsPerInvoke = Documents)]
    public int Read() => Read(null);

    [Benchmark(OperationsPerInvoke = Documents)]
    public int ReadWithDescriptors() => Read(_descriptors);

    /// <summary>The two hashes that every document costs, over as many bytes as its key and body have.</summary>
    [Benchmark(OperationsPerInvoke = Documents)]
    public int HashesAlone()
    {
        var sum = 0;
        foreach (var body in _bodies)
        {
            sum ^= KeyHash.Compute(_text.AsSpan(0, 30)).GetHashCode() ^ RecordHash.Compute(_text.AsSpan(0, body.Length)).GetHashCode();
        }

        return sum;
    }

    private int Read(DescriptorSet? descriptors)
    {
        var bytes = 0;
        foreach (var body in _bodies)
        {
            bytes += _reader.Read(body, ReadPurpose.Create, descriptors).Document!.Body.Length;
        }

        return bytes;
    }

    private static IEnumerable<byte[]> Lines(string name)
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "Rollcall.slnx")))
        {
            folder = folder.Parent ?? throw new InvalidOperationException("The benchmarks run inside the repository only.");
        }

        var path = Path.Combine(folder.FullName, "tests", "data", "grand-bend", name + ".ndjson");
        using Stream stream = File.Exists(path) ? File.OpenRead(path) : new GZipStream(File.OpenRead(path + ".gz"), CompressionMode.Decompress);
        using var reader = new StreamReader(stream);
        while (reader.ReadLine() is { } line)
        {
            yield return Encoding.UTF8.GetBytes(line);
        }
    }

    /// <summary>In the process itself: the projects that the default toolchain generates do not restore under locked, central package versions.</summary>
    private sealed class InThisProcess : ManualConfig
    {
        public InThisProcess() => AddJob(Job.ShortRun
            .WithToolchain(InProcessEmitToolchain.Instance)
            .WithIterationCount(7)
            .WithIterationTime(TimeInterval.FromMilliseconds(100)));
    }
}
