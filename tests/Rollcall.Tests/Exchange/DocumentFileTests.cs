using System.IO.Compression;
using System.Text;
using Rollcall.Exchange.Load;

namespace Rollcall.Tests.Exchange;

/// <summary>Document files of every form.</summary>
public sealed class DocumentFileTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("rollcall-test-").FullName;

    [Theory]
    [InlineData("a.ndjson", "{\"a\":1}\n{\"b\":2}\n", "1 {\"a\":1}|2 {\"b\":2}")]
    [InlineData("a.ndjson", "\uFEFF{\"a\":1}\r\n\r\n  {\"b\":2}  ", "1 {\"a\":1}|3 {\"b\":2}")]
    [InlineData("a.ndjson.gz", "{\"a\":1}\n{\"b\":2}", "1 {\"a\":1}|2 {\"b\":2}")]
    [InlineData("a.ndjson", "", "")]
    [InlineData("a.json", "{\"a\":[1,\"]}\",{\"c\":\"\\\"\"}]}", "1 {\"a\":[1,\"]}\",{\"c\":\"\\\"\"}]}")]
    [InlineData("a.json", "[\n{\"a\":1},\n {\"b\":{\"c\":[]}}\n]\n", "2 {\"a\":1}|3 {\"b\":{\"c\":[]}}")]
    [InlineData("a.json.gz", " [ ] ", "")]
    public async Task Documents_come_as_they_stand_with_their_lines(string name, string content, string expected)
    {
        var read = await ReadAsync(Write(name, content));
        Assert.Equal(expected, string.Join('|', read.Select(d => $"{d.Line} {Encoding.UTF8.GetString(d.Bytes)}")));
    }

    [Theory]
    [InlineData("a.json", "[{\"a\":1},")]
    [InlineData("a.json", "{\"a\":1")]
    [InlineData("a.json", "[1,2]")]
    [InlineData("a.json", "hello")]
    [InlineData("a.json", "{\"a\":1} {\"b\":2}")]
    public async Task A_file_that_is_something_else_is_an_error(string name, string content) =>
        await Assert.ThrowsAsync<InvalidDataException>(() => ReadAsync(Write(name, content)));

    [Fact]
    public async Task A_damaged_gzip_file_is_an_error_and_not_an_early_end()
    {
        var path = Write("a.ndjson.gz", string.Join('\n', Enumerable.Range(0, 5000).Select(i => $$"""{"a":"{{Guid.NewGuid()}}{{i}}"}""")));
        var bytes = File.ReadAllBytes(path);
        bytes[bytes.Length / 2] ^= 0xFF;
        bytes[bytes.Length / 2 + 1] ^= 0xFF;
        File.WriteAllBytes(path, bytes);
        await Assert.ThrowsAsync<InvalidDataException>(() => ReadAsync(path));
    }

    [Fact]
    public async Task Documents_across_buffer_borders_come_whole()
    {
        var bodies = Enumerable.Range(1, 400).Select(i => $$"""{"n":{{i}},"text":"{{new string('x', i * 37 % 4000)}}"}""").ToList();
        foreach (var (name, text) in new[] { ("b.ndjson", string.Join('\n', bodies)), ("b.json", "[" + string.Join(",\n", bodies) + "]") })
        {
            Assert.Equal(bodies, (await ReadAsync(Write(name, text))).Select(d => Encoding.UTF8.GetString(d.Bytes)));
        }
    }

    private string Write(string name, string content)
    {
        var path = Path.Combine(_folder, name);
        using Stream file = name.EndsWith(".gz", StringComparison.Ordinal) ? new GZipStream(File.Create(path), CompressionLevel.Fastest) : File.Create(path);
        file.Write(Encoding.UTF8.GetBytes(content));
        return path;
    }

    private static async Task<List<FileDocument>> ReadAsync(string path)
    {
        var found = new List<FileDocument>();
        await foreach (var document in DocumentFile.ReadAsync(path, CancellationToken.None))
        {
            found.Add(document);
        }

        return found;
    }

    public void Dispose() => Directory.Delete(_folder, true);
}
