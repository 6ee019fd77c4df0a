using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using System.Text.Unicode;
using CsvHelper;
using Rollcall.Databases;

namespace Rollcall.Exchange.Sync.Sources;

/// <summary>A SIS that is a folder of exports: every CSV and NDJSON file is a table of its name, with text columns, in a temporary database that
/// the mapping's queries then read like any other.</summary>
internal sealed partial class FilesSis : ISisReader
{
    /// <summary>Strict, and takes a mark at the beginning: a file that is damaged must not be read as if it were whole.</summary>
    private static readonly UTF8Encoding _utf8 = new(encoderShouldEmitUTF8Identifier: true, throwOnInvalidBytes: true);
    private static readonly CsvReaderOptions _csv = new()
    {
        TrackLineNumbers = true,
        MalformedData = CsvMalformedDataHandling.Throw,
        FieldCountMismatch = CsvFieldCountHandling.Throw,
    };

    private readonly SqliteSis _sis;
    private readonly string _temporary;

    private FilesSis(SqliteSis sis, string temporary) => (_sis, _temporary) = (sis, temporary);

    /// <param name="folder">Its <c>*.csv</c> and <c>*.ndjson</c> files are read once, now.</param>
    /// <exception cref="SisException">The folder is missing, or a file is not what its name says.</exception>
    public static FilesSis Open(string folder, IReadOnlyDictionary<string, object> parameters)
    {
        if (!Directory.Exists(folder))
        {
            throw new SisException($"the source folder {folder} does not exist", isUnavailable: true);
        }

        var temporary = Directory.CreateTempSubdirectory("rollcall-files-").FullName;
        try
        {
            var path = Path.Combine(temporary, "files.db");
            using (var db = SqliteDb.OpenWriter(path))
            {
                db.Execute("pragma synchronous = off; begin");
                var files = Directory.EnumerateFiles(folder).Where(f => Path.GetExtension(f) is ".csv" or ".ndjson").Order(StringComparer.Ordinal).ToList();
                if (files.Count == 0)
                {
                    throw new SisException($"the source folder {folder} has no .csv and no .ndjson file", isUnavailable: false);
                }

                foreach (var file in files)
                {
                    Load(db, file);
                }

                db.Execute("commit");
            }

            return new FilesSis(SqliteSis.Open($"Data Source={path}", parameters), temporary);
        }
        catch
        {
            Directory.Delete(temporary, true);
            throw;
        }
    }

    public IReadOnlyDictionary<string, object> Parameters => _sis.Parameters;

    public string SortKey(string column) => _sis.SortKey(column);

    public string AnyOf(string column) => _sis.AnyOf(column);

    public Task<IReadOnlyList<string>> DescribeAsync(string sql, CancellationToken cancellationToken) => _sis.DescribeAsync(sql, cancellationToken);

    public Task<ISisRows> QueryAsync(string sql, bool isInterleaved, IReadOnlyCollection<string>? values, CancellationToken cancellationToken) =>
        _sis.QueryAsync(sql, isInterleaved, values, cancellationToken);

    public Task<IReadOnlyList<string>> TextsAsync(string sql, IReadOnlyDictionary<string, string?> row, CancellationToken cancellationToken) =>
        _sis.TextsAsync(sql, row, cancellationToken);

    public Task<IReadOnlySet<string>?> TablesAsync(string sql, CancellationToken cancellationToken) => _sis.TablesAsync(sql, cancellationToken);

    public async ValueTask DisposeAsync()
    {
        await _sis.DisposeAsync();
        if (Directory.Exists(_temporary))
        {
            Directory.Delete(_temporary, true);
        }
    }

    private static void Load(SqliteDb db, string file)
    {
        var table = NotInNames().Replace(Path.GetFileNameWithoutExtension(file), "_");
        var line = 0;
        try
        {
            if (Path.GetExtension(file) == ".csv")
            {
                using var csv = CsvReader.Create(new StreamReader(file, _utf8), _csv, false);
                csv.ReadHeader();
                var columns = csv.Headers.ToArray();
                Create(db, table, columns);
                using var add = Insert(db, table, columns.Length);
                while (csv.Read())
                {
                    for (var i = 0; i < columns.Length; i++)
                    {
                        add.BindText(i + 1, csv.GetString(i) is { Length: > 0 } text ? text : null);
                    }

                    add.Run();
                }

                return;
            }

            // The columns are all names of all lines: a line need not have every one.
            var names = new List<string>();
            foreach (var (index, text) in Lines(file))
            {
                line = index + 1;
                using var document = JsonDocument.Parse(text);
                names.AddRange(document.RootElement.EnumerateObject().Select(m => m.Name).Where(n => !names.Contains(n, StringComparer.Ordinal)));
            }

            Create(db, table, names);
            using var insert = Insert(db, table, names.Count);
            foreach (var (index, text) in Lines(file))
            {
                line = index + 1;
                using var document = JsonDocument.Parse(text);
                for (var i = 0; i < names.Count; i++)
                {
                    insert.BindText(i + 1, document.RootElement.TryGetProperty(names[i], out var value) ? Text(value) : null);
                }

                insert.Run();
            }
        }
        catch (Exception e) when (e is CsvFormatException or JsonException or DecoderFallbackException or InvalidOperationException or SqliteFailureException)
        {
            var (at, why) = Fault(file, line, e);
            throw new SisException($"{Path.GetFileName(file)}{(at > 0 ? FormattableString.Invariant($", line {at},") : "")} cannot be read: {why}", isUnavailable: false, e);
        }
    }

    private static (long Line, string Why) Fault(string file, int line, Exception e) => e switch
    {
        DecoderFallbackException => (LineThatIsNoUtf8(file), "it has bytes that are no UTF-8"),
        CsvFormatException csv => (csv.LineNumber, csv.Message),
        JsonException => (line, "it is no JSON object"),
        _ => (line, e.Message),
    };

    /// <summary>The decoder reads ahead, so the line is looked for by itself.</summary>
    private static long LineThatIsNoUtf8(string file)
    {
        using var lines = new StreamReader(file, Encoding.Latin1, detectEncodingFromByteOrderMarks: false);
        var number = 1L;
        while (lines.ReadLine() is { } line && Utf8.IsValid(Encoding.Latin1.GetBytes(line)))
        {
            number++;
        }

        return number;
    }

    private static IEnumerable<(int Index, string Item)> Lines(string file) => File.ReadLines(file, _utf8).Index().Where(l => !string.IsNullOrWhiteSpace(l.Item));

    /// <summary>Arrays and objects stay JSON, for columns such as <c>"classPeriods[]"</c>.</summary>
    private static string? Text(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Null => null,
        JsonValueKind.String => value.GetString(),
        _ => value.GetRawText(),
    };

    private static void Create(SqliteDb db, string table, IReadOnlyList<string> columns)
    {
        var named = columns.Select(c => $"\"{c.Replace("\"", "\"\"", StringComparison.Ordinal)}\" text");
        db.Execute($"create table \"{table}\"({string.Join(", ", named)})");
    }

    private static SqliteStatement Insert(SqliteDb db, string table, int columns) =>
        db.Prepare($"insert into \"{table}\" values({string.Join(", ", Enumerable.Range(1, columns).Select(i => $"?{i}"))})");

    [GeneratedRegex("[^A-Za-z0-9_]")]
    private static partial Regex NotInNames();
}
