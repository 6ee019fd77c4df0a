using Npgsql;
using Rollcall.Databases;

namespace Rollcall.Serve.Storage.Postgres;

/// <summary>Shorthand for batches of statements with typed parameters, none of which is boxed.</summary>
internal static class Statement
{
    public static NpgsqlBatchCommand Then(this NpgsqlBatch batch, string sql)
    {
        var command = new NpgsqlBatchCommand(sql);
        batch.BatchCommands.Add(command);
        return command;
    }

    public static NpgsqlBatchCommand With<T>(this NpgsqlBatchCommand command, T value)
    {
        command.Parameters.Add(new NpgsqlParameter<T> { TypedValue = value });
        return command;
    }

    public static NpgsqlBatchCommand WithRows(this NpgsqlBatchCommand command, PostgresRows rows) => command.With(rows);
}
