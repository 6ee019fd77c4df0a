using System.Text;
using Npgsql;

namespace Rollcall.Serve.Storage.Postgres;

/// <summary>A statement that grows by conditions; equal shapes give equal texts, so that connections keep them prepared.</summary>
internal sealed class PageStatement(string head)
{
    private readonly StringBuilder _sql = new(head, 512);
    private List<NpgsqlParameter> _parameters = [];
    private bool _hasWhere;

    public string Alias { get; private init; } = "t";

    public string Text => _sql.ToString();

    /// <summary>A statement inside this one, with the same parameters.</summary>
    public PageStatement Inner(string innerHead, string alias) => new(innerHead) { Alias = alias, _parameters = _parameters };

    public string Parameter<T>(T value)
    {
        _parameters.Add(new NpgsqlParameter<T> { TypedValue = value });
        return $"${_parameters.Count}";
    }

    /// <summary>A value whose size the planner must not see. With a limit of 25 in view a plan looks so much cheaper than one for any limit that
    /// PostgreSQL plans anew with every execution, which takes longer than a page of 25.</summary>
    public string Hidden(long value) => $"(select {Parameter(value)})";

    public PageStatement Where(string condition)
    {
        _sql.Append(_hasWhere ? " and " : " where ").Append(condition);
        _hasWhere = true;
        return this;
    }

    public void Append(string sql) => _sql.Append(sql);

    public NpgsqlBatchCommand ToCommand()
    {
        var command = new NpgsqlBatchCommand(_sql.ToString());
        foreach (var parameter in _parameters)
        {
            command.Parameters.Add(parameter);
        }

        return command;
    }
}
