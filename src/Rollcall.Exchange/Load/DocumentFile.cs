using System.Buffers;
using System.IO.Compression;
using System.Runtime.CompilerServices;
using System.Text.Json;

namespace Rollcall.Exchange.Load;

/// <summary>One document of a file, as the bytes that stand there.</summary>
/// <param name="Line">1-based line on which it begins.</param>
public readonly record struct FileDocument(long Line, byte[] Bytes);

/// <summary>Reads the documents of one file, one at a time: NDJSON, a JSON array of objects, or one JSON object; each also gzipped.</summary>
internal static class DocumentFile
{
    /// <summary>A document longer than this is a file of another kind.</summary>
    private const int DocumentBytesMax = 64 * 1024 * 1024;

    private static readonly string[] _endings = [".ndjson", ".ndjson.gz", ".jsonl", ".jsonl.gz", ".json", ".json.gz"];

    public static bool IsOne(string path) => _endings.Any(e => path.EndsWith(e, StringComparison.OrdinalIgnoreCase));

    public static bool IsLines(string path) =>
        path.EndsWith(".ndjson", StringComparison.OrdinalIgnoreCase) || path.EndsWith(".ndjson.gz", StringComparison.OrdinalIgnoreCase)
        || path.EndsWith(".jsonl", StringComparison.OrdinalIgnoreCase) || path.EndsWith(".jsonl.gz", StringComparison.OrdinalIgnoreCase);

    /// <exception cref="InvalidDataException">The file is neither; a single bad line of NDJSON is left for the API to judge.</exception>
    public static IAsyncEnumerable<FileDocument> ReadAsync(string path, CancellationToken cancellationToken) =>
        IsLines(path) ? LinesAsync(path, cancellationToken) : ValuesAsync(path, cancellationToken);

    private static Stream Open(string path)
    {
        FileStream file;
        try
        {
            file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1, FileOptions.SequentialScan | FileOptions.Asynchronous);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new InvalidDataException($"{path} cannot be read: {e.Message}", e);
        }

        return path.EndsWith(".gz", StringComparison.OrdinalIgnoreCase) ? new GZipStream(file, CompressionMode.Decompress) : file;
    }

    private static async IAsyncEnumerable<FileDocument> LinesAsync(string path, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await using var stream = Open(path);
        var buffer = new Window(stream);
        try
        {
            for (var line = 1L; ; line++)
            {
                var length = await buffer.FindLineAsync(path, cancellationToken);
                if (length < 0)
                {
                    yield break;
                }

                if (Copy(buffer.Take(length), line == 1) is { Length: > 0 } bytes)
                {
                    yield return new FileDocument(line, bytes);
                }
            }
        }
        finally
        {
            buffer.Dispose();
        }
    }

    private static byte[] Copy(ReadOnlyMemory<byte> line, bool isFirst)
    {
        var text = line.Span;
        if (isFirst && text.StartsWith("\uFEFF"u8))
        {
            text = text[3..];
        }

        return text.Trim(" \t\r\n"u8).ToArray();
    }

    /// <summary>Walks through one object, or through the items of one array, without ever holding more than one of them.</summary>
    private static async IAsyncEnumerable<FileDocument> ValuesAsync(string path, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await using var stream = Open(path);
        using var buffer = new Window(stream);
        var depth = 0;
        var inArray = false;
        var inString = false;
        var escaped = false;
        var line = 1L;
        var startLine = 1L;
        var position = 0;
        var isOver = false;
        while (true)
        {
            if (position == buffer.Length)
            {
                if (depth == 0)
                {
                    buffer.Take(position);
                    position = 0;
                }

                if (!await buffer.MoreAsync(path, cancellationToken))
                {
                    break;
                }
            }

            var c = buffer[position++];
            line += c == '\n' ? 1 : 0;
            if (inString)
            {
                inString = escaped || c != '"';
                escaped = !escaped && c == '\\';
                continue;
            }

            switch (c)
            {
                case (byte)'"' when depth > 0:
                    inString = true;
                    break;
                case (byte)'[' when depth == 0 && !inArray && !isOver:
                    inArray = true;
                    break;
                case (byte)']' when depth == 0 && inArray:
                    inArray = false;
                    isOver = true;
                    break;
                case (byte)'{' or (byte)'[' when depth > 0 || (c == '{' && !isOver):
                    if (depth++ == 0)
                    {
                        buffer.Take(position - 1);
                        position = 1;
                        startLine = line;
                    }

                    break;
                case (byte)'}' or (byte)']' when depth > 0:
                    if (--depth == 0)
                    {
                        yield return new FileDocument(startLine, buffer.Take(position).ToArray());
                        position = 0;
                        isOver = !inArray;
                    }

                    break;
                case (byte)' ' or (byte)'\t' or (byte)'\r' or (byte)'\n' or (byte)',' or 0xEF or 0xBB or 0xBF:
                    break;
                default:
                    if (depth == 0)
                    {
                        throw new InvalidDataException($"{path}, line {line}: neither a JSON object nor an array of objects.");
                    }

                    break;
            }
        }

        if (depth > 0 || inArray)
        {
            throw new InvalidDataException($"{path} ends in the middle of line {line}'s document.");
        }
    }

    /// <summary>Reads <c>{"resource": "…", "body": {…}}</c>; false when the document is of another form. A line of refused documents has a <c>status</c> as
    /// well, and then any body: what was no object is refused again, and stops nothing else.</summary>
    public static bool TryReadWrapped(byte[] document, out string resource, out ReadOnlyMemory<byte> body)
    {
        resource = "";
        body = default;
        var (isObject, isRefused) = (false, false);
        try
        {
            var reader = new Utf8JsonReader(document);
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
            {
                return false;
            }

            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                if (reader.ValueTextEquals("resource"u8))
                {
                    reader.Read();
                    resource = reader.TokenType == JsonTokenType.String ? reader.GetString()! : "";
                }
                else if (reader.ValueTextEquals("body"u8))
                {
                    reader.Read();
                    var start = (int)reader.TokenStartIndex;
                    isObject = reader.TokenType == JsonTokenType.StartObject;
                    reader.Skip();
                    body = document.AsMemory(start, (int)reader.BytesConsumed - start);
                }
                else
                {
                    var isStatus = reader.ValueTextEquals("status"u8);
                    reader.Read();
                    isRefused |= isStatus && reader.TokenType == JsonTokenType.Number;
                    reader.Skip();
                }
            }

            return resource.Length > 0 && !body.IsEmpty && (isObject || isRefused);
        }
        catch (JsonException)
        {
            return false;
        }
    }

    /// <summary>The unread part of a stream, in a pooled buffer that grows only with the longest document.</summary>
    private sealed class Window(Stream stream) : IDisposable
    {
        private byte[] _buffer = ArrayPool<byte>.Shared.Rent(128 * 1024);
        private int _start;
        private int _end;

        public int Length => _end - _start;

        public byte this[int index] => _buffer[_start + index];

        public ReadOnlyMemory<byte> Take(int length)
        {
            var taken = _buffer.AsMemory(_start, length);
            _start += length;
            return taken;
        }

        /// <summary>The length of the next line with its end; -1 at the end of the stream.</summary>
        public async ValueTask<int> FindLineAsync(string path, CancellationToken cancellationToken)
        {
            var searched = 0;
            while (true)
            {
                var at = _buffer.AsSpan(_start + searched, Length - searched).IndexOf((byte)'\n');
                if (at >= 0)
                {
                    return searched + at + 1;
                }

                searched = Length;
                if (!await MoreAsync(path, cancellationToken))
                {
                    return Length > 0 ? Length : -1;
                }
            }
        }

        public async ValueTask<bool> MoreAsync(string path, CancellationToken cancellationToken)
        {
            if (_start > 0)
            {
                _buffer.AsSpan(_start, Length).CopyTo(_buffer);
                _end -= _start;
                _start = 0;
            }

            if (_end == _buffer.Length)
            {
                if (_end > DocumentBytesMax)
                {
                    throw new InvalidDataException($"{path}: a document is longer than {DocumentBytesMax / 1024 / 1024} MB.");
                }

                var grown = ArrayPool<byte>.Shared.Rent(_buffer.Length * 2);
                _buffer.AsSpan(0, _end).CopyTo(grown);
                ArrayPool<byte>.Shared.Return(_buffer);
                _buffer = grown;
            }

            try
            {
                var read = await stream.ReadAsync(_buffer.AsMemory(_end), cancellationToken);
                _end += read;
                return read > 0;
            }
            catch (Exception exception) when (exception is InvalidDataException or IOException)
            {
                throw new InvalidDataException($"{path} is damaged: {exception.Message}", exception);
            }
        }

        public void Dispose()
        {
            ArrayPool<byte>.Shared.Return(_buffer);
            _buffer = [];
        }
    }
}
