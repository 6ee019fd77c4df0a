using System.Text;
using Rollcall.Databases;

namespace Rollcall.Serve.Storage.Sqlite;

/// <summary>A where clause that grows, with the values of its parameters. Equal shapes give equal texts, so that statements stay prepared.</summary>
internal sealed class RowConditions
{
    private readonly StringBuilder _where = new();
    private readonly List<Action<SqliteStatement, int>> _values = [];

    /// <param name="scope">A condition without parameters to begin with; empty for none.</param>
    public RowConditions(string scope)
    {
        if (scope.Length > 0)
        {
            And().Append(scope);
        }
    }

    /// <summary>From the word WHERE on; empty when there is no condition.</summary>
    public string Where => _where.ToString();

    /// <summary>Parameters so far: the next is one more.</summary>
    public int Count => _values.Count;

    /// <summary>Whether any condition finds its rows by an index.</summary>
    public bool HaveIndex { get; private set; }

    /// <param name="left">Column and operator; the parameter follows.</param>
    public void Add(string left, Action<SqliteStatement, int> value, bool hasIndex)
    {
        And().Append(left).Append(' ').Append(Parameter(value));
        HaveIndex |= hasIndex;
    }

    public SqliteStatement Bind(SqliteStatement statement)
    {
        for (var i = 0; i < _values.Count; i++)
        {
            _values[i](statement, i + 1);
        }

        return statement;
    }

    private string Parameter(Action<SqliteStatement, int> value)
    {
        _values.Add(value);
        return $"?{_values.Count}";
    }

    private StringBuilder And() => _where.Append(_where.Length == 0 ? " WHERE " : " AND ");
}
