using Rollcall.Databases;
using Rollcall.Standard.Model;

namespace Rollcall.Serve.Storage.Sqlite;

/// <summary>One reading connection with its prepared statements.</summary>
internal sealed class Reader(SqliteDb db, StoreModel model, PageAnchors anchors, AccessMemory memory) : IDisposable
{
    /// <summary>Beyond this the statements of rare queries would cost more memory than preparing them again costs time.</summary>
    private const int StatementsMax = 1000;

    private readonly Dictionary<string, SqliteStatement> _statements = new(StringComparer.Ordinal);
    private readonly SqliteStatement?[] _gets = new SqliteStatement?[model.Tables.Length];
    private readonly SqliteStatement _begin = db.Prepare("BEGIN");
    private readonly SqliteStatement _end = db.Prepare("COMMIT");
    private Reachable? _reachable;

    public StoreModel Model { get; } = model;

    public PageAnchors Anchors { get; } = anchors;

    public AccessMemory Memory { get; } = memory;

    public Reachable Reachable => _reachable ??= new Reachable(Model, Prepared);

    /// <summary>The statement that finds one document by its id.</summary>
    public SqliteStatement Get(ResourceModel resource) => _gets[resource.Index] ??=
        db.Prepare($"SELECT {Reads.Columns} FROM {Model.Table(resource).Name} WHERE {Model.ScopeAnd(Model.Table(resource))}id = ?1");

    /// <summary>Makes room, so that no statement in use is disposed of while others are prepared.</summary>
    public void Reserve(int statements)
    {
        if (_statements.Count + statements > StatementsMax)
        {
            DisposeStatements();
        }
    }

    public SqliteStatement Prepared(string sql)
    {
        if (!_statements.TryGetValue(sql, out var statement))
        {
            if (_statements.Count >= StatementsMax)
            {
                DisposeStatements();
            }

            statement = db.Prepare(sql);
            _statements.Add(sql, statement);
        }

        return statement;
    }

    /// <summary>Runs several statements on one snapshot of the database.</summary>
    public T InSnapshot<T>(Func<T> read)
    {
        _begin.Run();
        try
        {
            return read();
        }
        finally
        {
            _end.Run();
        }
    }

    /// <summary>The newest change version that the file holds.</summary>
    public long NewestChangeVersion()
    {
        var newest = Prepared("SELECT change_version FROM counter");
        try
        {
            newest.Step();
            return newest.Long(0);
        }
        finally
        {
            newest.Reset();
        }
    }

    /// <summary>Whether a page of the file can be read.</summary>
    public bool IsAnswering()
    {
        var any = Prepared("SELECT change_version FROM counter");
        try
        {
            return any.Step();
        }
        finally
        {
            any.Reset();
        }
    }

    public void Dispose()
    {
        DisposeStatements();
        foreach (var get in _gets)
        {
            get?.Dispose();
        }

        _begin.Dispose();
        _end.Dispose();
        db.Dispose();
    }

    private void DisposeStatements()
    {
        foreach (var statement in _statements.Values)
        {
            statement.Dispose();
        }

        _statements.Clear();
    }
}
