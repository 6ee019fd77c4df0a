using System.Text.Json;
using System.Text.RegularExpressions;
using CsvHelper;
using Rollcall.Databases;

namespace Rollcall.Exchange.Sync.Sources;

/// <summary>A SIS that is a folder of exports: every CSV and NDJSON file is a table of its name, with text columns, in a temporary database that
/// the mapping's queries then read like any other.</summary>
internal sealed partial class FilesSis : ISisReader
{
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
        Directory.Delete(_temporary, true);
    }

    private static void Load(SqliteDb db, string file)
    {
        var table = NotInNames().Replace(Path.GetFileNameWithoutExtension(file), "_");
        try
        {
            if (Path.GetExtension(file) == ".csv")
            {
                using var csv = CsvReader.Create(File.OpenRead(file), new CsvReaderOptions { TrackLineNumbers = true }, false);
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
            foreach (var line in Lines(file))
            {
                using var document = JsonDocument.Parse(line);
                names.AddRange(document.RootElement.EnumerateObject().Select(m => m.Name).Where(n => !names.Contains(n, StringComparer.Ordinal)));
            }

            Create(db, table, names);
            using var insert = Insert(db, table, names.Count);
            foreach (var line in Lines(file))
            {
                using var document = JsonDocument.Parse(line);
                for (var i = 0; i < names.Count; i++)
                {
                    insert.BindText(i + 1, document.RootElement.TryGetProperty(names[i], out var value) ? Text(value) : null);
                }

                insert.Run();
            }
        }
        catch (Exception e) when (e is CsvFormatException or JsonException or InvalidOperationException or SqliteFailureException)
        {
            throw new SisException($"{Path.GetFileName(file)} cannot be read: {(e is JsonException ? "a line is no JSON object" : e.Message)}", isUnavailable: false, e);
        }
    }

    private static IEnumerable<string> Lines(string file) => File.ReadLines(file).Where(l => !string.IsNullOrWhiteSpace(l));

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
