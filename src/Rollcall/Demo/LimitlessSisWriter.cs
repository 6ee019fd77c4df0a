using System.Data.Common;
using Npgsql;

namespace Rollcall.Demo;

/// <summary>Writes many rows into the tables of the sample, in bounded memory: COPY on PostgreSQL, a prepared insert elsewhere.</summary>
/// <remarks>Values stand in the order of the columns in <c>schema.sql</c> and have exactly their types, as COPY demands.</remarks>
internal sealed class LimitlessSisWriter(DbConnection connection, DbTransaction transaction)
{
    private const int RowsHeldMax = 20_000;

    // The order in which tables are first written is an order in which foreign keys hold.
    private readonly List<(string Table, List<object?[]> Rows)> _held = [];
    private readonly Dictionary<string, List<object?[]>> _byTable = new(StringComparer.Ordinal);
    private int _rowsHeld;

    public void Add(string table, params object?[] row)
    {
        if (!_byTable.TryGetValue(table, out var rows))
        {
            _byTable[table] = rows = [];
            _held.Add((table, rows));
        }

        rows.Add(row);
        _rowsHeld++;
    }

    /// <summary>Writes what is held once it is much; call it where all rows that refer to each other have been added.</summary>
    public Task FlushWhenFullAsync(CancellationToken cancellationToken) =>
        _rowsHeld >= RowsHeldMax ? FlushAsync(cancellationToken) : Task.CompletedTask;

    public async Task FlushAsync(CancellationToken cancellationToken)
    {
        foreach (var (table, rows) in _held.Where(h => h.Rows.Count > 0))
        {
            if (connection is NpgsqlConnection postgres)
            {
                await CopyAsync(postgres, table, rows, cancellationToken);
            }
            else
            {
                await InsertAsync(table, rows, cancellationToken);
            }

            rows.Clear();
        }

        _rowsHeld = 0;
    }

    private static async Task CopyAsync(
        NpgsqlConnection postgres, string table, List<object?[]> rows, CancellationToken cancellationToken)
    {
        await using var import = await postgres.BeginBinaryImportAsync($"copy {table} from stdin (format binary)", cancellationToken);
        foreach (var row in rows)
        {
            await import.StartRowAsync(cancellationToken);
            foreach (var value in row)
            {
                await (value is null ? import.WriteNullAsync(cancellationToken) : import.WriteAsync(value, cancellationToken));
            }
        }

        await import.CompleteAsync(cancellationToken);
    }

    private async Task InsertAsync(string table, List<object?[]> rows, CancellationToken cancellationToken)
    {
        await using var command = connection.CreateCommand();
        command.Transaction = transaction;
        var names = Enumerable.Range(0, rows[0].Length).Select(i => $"@v{i}").ToArray();
        command.CommandText = $"insert into {table} values ({string.Join(", ", names)})";
        foreach (var name in names)
        {
            var parameter = command.CreateParameter();
            parameter.ParameterName = name;
            command.Parameters.Add(parameter);
        }

        await command.PrepareAsync(cancellationToken);
        foreach (var row in rows)
        {
            for (var i = 0; i < row.Length; i++)
            {
                command.Parameters[i].Value = row[i] ?? DBNull.Value;
            }

            await command.ExecuteNonQueryAsync(cancellationToken);
        }
    }
}
