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

    /// <summary>Makes the file, readable by this user alone; one that is there is replaced.</summary>
    /// <param name="batchSize">Documents written at once.</param>
    public static RejectedFile Create(string path, int batchSize = 25)
    {
        File.Delete(path);
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, Share = FileShare.Read, BufferSize = 0 };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        return new RejectedFile(new FileStream(path, options), batchSize);
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
