using Npgsql;
using Rollcall.Databases;
using Rollcall.IntegrationTests.Serve.Http;

namespace Rollcall.IntegrationTests.Serve.Authorization;

/// <summary>What an administrator does in a server's database beside the server: tables of its own, and views in <c>auth</c>.</summary>
internal sealed class AdministratorsDatabase(HttpServer server)
{
    public bool IsPostgres => server is PostgresServer;

    /// <summary>A relation that the server offers, as the database's SQL names it.</summary>
    public string Relation(string name, string project = "edfi") => IsPostgres ? $"{project}.\"{name}\"" : $"\"{project}.{name}\"";

    public string View(string name)
    {
        var quoted = name.Replace("\"", "\"\"", StringComparison.Ordinal);
        return IsPostgres ? $"auth.\"{quoted}\"" : $"\"auth.{quoted}\"";
    }

    public async Task RunAsync(string sql)
    {
        if (IsPostgres)
        {
            await using var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(server.Database) { Pooling = false }.ConnectionString);
            await connection.OpenAsync();
            await using var command = new NpgsqlCommand(sql, connection);
            await command.ExecuteNonQueryAsync();
            return;
        }

        using var db = SqliteDb.OpenWriter(server.Database);
        db.Execute(sql);
    }

    /// <summary>Texts of the first column.</summary>
    public async Task<List<string>> TextsAsync(string sql)
    {
        var texts = new List<string>();
        if (IsPostgres)
        {
            await using var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(server.Database) { Pooling = false }.ConnectionString);
            await connection.OpenAsync();
            await using var command = new NpgsqlCommand(sql, connection);
            await using var reader = await command.ExecuteReaderAsync();
            while (await reader.ReadAsync())
            {
                texts.Add(reader.GetString(0));
            }

            return texts;
        }

        using var db = SqliteDb.OpenReader(server.Database);
        using var statement = db.Prepare(sql);
        while (statement.Step())
        {
            texts.Add(statement.Text(0));
        }

        return texts;
    }

    /// <summary>A view with an outside table of keys behind it, which <see cref="ListAsync"/> and <see cref="UnlistAsync"/> change.</summary>
    /// <param name="name">Of the view, which begins with the basis.</param>
    /// <param name="basis">The basis's relation and the column of its key.</param>
    /// <param name="isByKey">In the shape of the ODS: the view has the key's column instead of the row number.</param>
    public Task MakeAsync(string name, (string Relation, string Key) basis, bool isByKey = false) => RunAsync($"""
        create table {Listed(name)} (listed text);
        create view {View(name)} as {(isByKey
            ? $"select listed as \"{basis.Key}\" from {Listed(name)}"
            : $"select s.\"DocumentId\" from {Relation(basis.Relation)} s join {Listed(name)} l on l.listed = cast(s.\"{basis.Key}\" as text)")}
        """);

    public Task ListAsync(string name, params string[] keys) => RunAsync($"insert into {Listed(name)} values {string.Join(", ", keys.Select(k => $"('{k}')"))}");

    public Task UnlistAsync(string name, string key) => RunAsync($"delete from {Listed(name)} where listed = '{key}'");

    private static string Listed(string name) => "listed_" + name.ToLowerInvariant();
}
