using System.Globalization;
using Microsoft.Data.Sqlite;
using Rollcall.Demo;

namespace Rollcall.Tests.Demo;

/// <summary>A sample SIS in a temporary SQLite file, with an open connection to it.</summary>
internal sealed class SisFile : IAsyncDisposable
{
    private SisFile(string path)
    {
        DatabasePath = path;
        Connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = path, Pooling = false }.ToString());
    }

    public string DatabasePath { get; }

    public SqliteConnection Connection { get; }

    public static string NewPath() => Path.Combine(Path.GetTempPath(), $"rollcall-sis-{Guid.NewGuid():N}.db");

    public static async Task<SisFile> CreateAsync(int students, int seed = 1)
    {
        var file = new SisFile(NewPath());
        await LimitlessSis.CreateAsync(file.DatabasePath, students, seed);
        await file.Connection.OpenAsync();
        return file;
    }

    public async Task<List<string>> RowsAsync(string sql)
    {
        await using var command = Connection.CreateCommand();
        command.CommandText = sql;
        await using var reader = await command.ExecuteReaderAsync();
        var rows = new List<string>();
        while (await reader.ReadAsync())
        {
            rows.Add(string.Join('|', Enumerable.Range(0, reader.FieldCount).Select(i => Convert.ToString(reader.GetValue(i), CultureInfo.InvariantCulture))));
        }

        return rows;
    }

    public async Task<int> NumberAsync(string sql) => int.Parse((await RowsAsync(sql))[0], CultureInfo.InvariantCulture);

    /// <summary>All rows of all tables, in the order in which they were written.</summary>
    public async Task<string> DumpAsync()
    {
        var dump = new System.Text.StringBuilder();
        foreach (var table in await RowsAsync("select name from sqlite_master where type = 'table' order by name"))
        {
            dump.AppendLine(table);
            foreach (var row in await RowsAsync($"select * from {table} order by rowid"))
            {
                dump.AppendLine(row);
            }
        }

        return dump.ToString();
    }

    public async ValueTask DisposeAsync()
    {
        await Connection.DisposeAsync();
        File.Delete(DatabasePath);
    }
}
