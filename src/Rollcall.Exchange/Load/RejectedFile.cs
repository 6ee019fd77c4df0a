using System.Text.Json;
using Rollcall.Exchange.Delivery;

namespace Rollcall.Exchange.Load;

/// <summary>Collects refused documents with the reason, one a line, in the form that <c>load</c> reads: correct and load it again.</summary>
internal sealed class RejectedFile : IAsyncDisposable
{
    private readonly FileStream _file;
    private readonly int _batchSize;
    private readonly SemaphoreSlim _one = new(1, 1);
    private readonly MemoryStream _batch = new();
    private int _inBatch;

    private RejectedFile(FileStream file, int batchSize)
    {
        _file = file;
        _batchSize = batchSize;
    }

    /// <summary>Makes the file, readable by this user alone; that of an earlier run is replaced.</summary>
    /// <param name="batchSize">Documents written at once.</param>
    /// <exception cref="InvalidDataException">Something else than an earlier run's refused documents has the name.</exception>
    public static RejectedFile Create(string path, int batchSize = 25)
    {
        Check(path, []);
        File.Delete(path);
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, Share = FileShare.Read, BufferSize = 0 };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        return new RejectedFile(new FileStream(path, options), batchSize);
    }

    /// <summary>Only what an earlier run made, or an empty file, is ever replaced.</summary>
    /// <param name="inputs">What is about to be read.</param>
    /// <exception cref="InvalidDataException">The file is one of the inputs, or of another kind.</exception>
    public static void Check(string path, IEnumerable<string> inputs)
    {
        var full = FullPath(path);
        if (inputs.Any(i => FullPath(i).Equals(full, StringComparison.Ordinal)))
        {
            throw new InvalidDataException($"--rejected {path} is one of the files to be loaded, and would be replaced. Give it another name.");
        }

        if (Directory.Exists(full) || (full.StartsWith("/dev/", StringComparison.Ordinal) && !full.StartsWith("/dev/shm/", StringComparison.Ordinal)))
        {
            throw new InvalidDataException($"--rejected {path} is no file that could be written.");
        }

        if (File.Exists(full) && !IsOne(full))
        {
            throw new InvalidDataException($"--rejected {path}: the file is there and holds something else than refused documents of an earlier run. It is left as it is: give another name.");
        }
    }

    /// <summary>Empty, or its first line begins as <see cref="AddAsync"/> writes it.</summary>
    private static bool IsOne(string path)
    {
        Span<byte> start = stackalloc byte[4096];
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        start = start[..file.ReadAtLeast(start, start.Length, throwOnEndOfStream: false)];
        return start.IsEmpty || (start.StartsWith("{\"resource\":"u8) && start.IndexOf(",\"status\":"u8) is > 0 and var status
            && (start.IndexOf((byte)'\n') is var end && (end < 0 || status < end)));
    }

    /// <summary>Through links, so that one file has one path.</summary>
    private static string FullPath(string path)
    {
        var full = Path.GetFullPath(path);
        var folder = Path.GetDirectoryName(full);
        if (folder is null)
        {
            return full;
        }

        full = Path.Combine(FullPath(folder), Path.GetFileName(full));
        return Path.Exists(full) ? new FileInfo(full).ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? full : full;
    }

    public async ValueTask AddAsync(SettledDocument settled, string? file, long line)
    {
        using var text = new MemoryStream();
        await using (var json = new Utf8JsonWriter(text))
        {
            json.WriteStartObject();
            json.WriteString("resource", settled.Resource.Path);
            if (file is not null)
            {
                json.WriteString("file", file);
                json.WriteNumber("line", line);
            }

            json.WriteNumber("status", settled.Result.Status);
            json.WriteString("type", settled.Result.Failure!.ProblemType);
            json.WriteString("message", settled.Result.Failure.Message);
            if (settled.Result.Failure.CorrelationId is { } correlation)
            {
                json.WriteString("correlationId", correlation);
            }

            json.WritePropertyName("body");
            WriteBody(json, settled.Document.Body);
            json.WriteEndObject();
        }

        text.WriteByte((byte)'\n');
        await _one.WaitAsync();
        try
        {
            _batch.Write(text.GetBuffer(), 0, (int)text.Length);
            if (++_inBatch >= _batchSize)
            {
                await WriteBatchAsync();
            }
        }
        finally
        {
            _one.Release();
        }
    }

    /// <summary>What is not JSON is kept as a string, so that the file stays NDJSON.</summary>
    internal static void WriteBody(Utf8JsonWriter json, ReadOnlyMemory<byte> body)
    {
        try
        {
            // Parsed only to see that it is whole: numbers and spelling are written as they were read. Line ends inside are taken out.
            using var document = JsonDocument.Parse(body);
            document.WriteTo(json);
        }
        catch (JsonException)
        {
            json.WriteStringValue(System.Text.Encoding.UTF8.GetString(body.Span));
        }
    }

    private async Task WriteBatchAsync()
    {
        await _file.WriteAsync(_batch.GetBuffer().AsMemory(0, (int)_batch.Length));
        _batch.SetLength(0);
        _inBatch = 0;
    }

    public async ValueTask DisposeAsync()
    {
        await WriteBatchAsync();
        await _batch.DisposeAsync();
        await _file.DisposeAsync();
        _one.Dispose();
    }
}
