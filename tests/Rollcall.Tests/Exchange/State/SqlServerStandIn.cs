using System.Collections;
using System.Data;
using System.Data.Common;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Rollcall.Tests.Exchange.State;

/// <summary>An ADO.NET provider that answers as the API Publisher's table and procedures in SQL Server do, and keeps what it was asked. Values that
/// are to be encrypted are kept apart; a transaction that is not committed leaves nothing; LIKE has SQL Server's wildcards.</summary>
internal sealed class SqlServerStandIn : DbProviderFactory
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, SqlServerStandInConnection> _locks = [];
    private Dictionary<string, (string Value, bool IsEncrypted)> _rows = new(StringComparer.OrdinalIgnoreCase);

    public List<string> Asked { get; } = [];

    public IReadOnlyDictionary<string, (string Value, bool IsEncrypted)> Rows => _rows;

    public void Put(string key, string value, bool isEncrypted = false) => _rows[key] = (value, isEncrypted);

    public override DbConnection CreateConnection() => new SqlServerStandInConnection(this);

    public Dictionary<string, (string Value, bool IsEncrypted)> Copy() => new(_rows, StringComparer.OrdinalIgnoreCase);

    public void Restore(Dictionary<string, (string Value, bool IsEncrypted)> rows) => _rows = rows;

    public void Unlock(SqlServerStandInConnection holder)
    {
        lock (_lock)
        {
            foreach (var held in _locks.Where(l => l.Value == holder).ToList())
            {
                _locks.Remove(held.Key);
            }
        }
    }

    /// <summary>Rows of the answer, or the number of rows changed.</summary>
    public (List<object?[]> Rows, int Changed) Run(SqlServerStandInConnection connection, CommandType type, string text, IReadOnlyDictionary<string, object?> parameters)
    {
        lock (_lock)
        {
            Asked.Add(text);
            string Text(string name) => (string)parameters[name]!;
            switch (type, text)
            {
                case (CommandType.StoredProcedure, "dbo.GetConfigurationValues"):
                    return ([.. Like(Text("@configurationKeyPrefix") + "%").Select(k => new object?[] { k, _rows[k].Value })], -1);
                case (CommandType.StoredProcedure, "dbo.SetConfigurationValue"):
                    _rows.Remove(Text("@configurationKey"));
                    _rows[Text("@configurationKey")] = (Text("@plaintext"), (bool)parameters["@encrypt"]!);
                    return ([], 1);
                case (CommandType.Text, "select ConfigurationKey from dbo.ConfigurationValue where ConfigurationKey like @pattern"):
                    return ([.. Like(Text("@pattern")).Select(k => new object?[] { k })], -1);
                case (CommandType.Text, "delete from dbo.ConfigurationValue where ConfigurationKey = @key"):
                    return ([], _rows.Remove(Text("@key")) ? 1 : 0);
                case (CommandType.Text, "delete from dbo.ConfigurationValue where ConfigurationKey like @pattern"):
                    return ([], Like(Text("@pattern")).Count(k => _rows.Remove(k)));
                case (CommandType.Text, "exec sp_releaseapplock @Resource = @resource, @LockOwner = 'Session'"):
                    return _locks.Remove(Text("@resource")) ? ([], -1) : throw new SqlServerStandInException("the lock is not held");
                case (CommandType.Text, _) when text.Contains("exec @answer = sp_getapplock @Resource = @resource, @LockMode = 'Exclusive', @LockOwner = @owner", StringComparison.Ordinal):
                    if (Text("@resource").Length > 255 || (Text("@owner") == "Transaction") != connection.IsInTransaction)
                    {
                        return ([[-999]], -1);
                    }

                    return ([[_locks.TryAdd(Text("@resource"), connection) ? 0 : -1]], -1);
                default:
                    throw new SqlServerStandInException($"Could not find stored procedure '{text}'.");
            }
        }
    }

    private List<string> Like(string pattern)
    {
        var expression = new StringBuilder("^");
        for (var i = 0; i < pattern.Length; i++)
        {
            var close = pattern[i] == '[' ? pattern.IndexOf(']', i + 1) : -1;
            if (close > 0)
            {
                expression.Append(CultureInfo.InvariantCulture, $"[{Regex.Escape(pattern[(i + 1)..close])}]");
                i = close;
            }
            else
            {
                expression.Append(pattern[i] switch { '%' => ".*", '_' => ".", var c => Regex.Escape(c.ToString()) });
            }
        }

        return [.. _rows.Keys.Where(k => Regex.IsMatch(k, expression + "$", RegexOptions.IgnoreCase | RegexOptions.Singleline | RegexOptions.CultureInvariant))];
    }
}

internal sealed class SqlServerStandInException(string message) : DbException(message);

internal sealed class SqlServerStandInConnection(SqlServerStandIn server) : DbConnection
{
    private ConnectionState _state;

    public SqlServerStandIn Server { get; } = server;

    public bool IsInTransaction { get; set; }

    [AllowNull]
    public override string ConnectionString { get; set; } = "";

    public override string Database => "";

    public override string DataSource => "";

    public override string ServerVersion => "16";

    public override ConnectionState State => _state;

    public override void Open() =>
        _state = ConnectionString.Contains("wrong", StringComparison.Ordinal) ? throw new SqlServerStandInException("Login failed for user 'x'.") : ConnectionState.Open;

    public override void Close()
    {
        Server.Unlock(this);
        _state = ConnectionState.Closed;
    }

    public override void ChangeDatabase(string databaseName) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        Close();
        base.Dispose(disposing);
    }

    protected override DbTransaction BeginDbTransaction(IsolationLevel isolationLevel) => new StandInTransaction(this);

    protected override DbCommand CreateDbCommand() => new StandInCommand { Connection = this };

    private sealed class StandInTransaction : DbTransaction
    {
        private readonly SqlServerStandInConnection _connection;
        private Dictionary<string, (string, bool)>? _before;

        public StandInTransaction(SqlServerStandInConnection connection)
        {
            _connection = connection;
            _before = connection.Server.Copy();
            connection.IsInTransaction = true;
        }

        public override IsolationLevel IsolationLevel => IsolationLevel.ReadCommitted;

        protected override DbConnection DbConnection => _connection;

        public override void Commit() => End(isUndone: false);

        public override void Rollback() => End(isUndone: true);

        protected override void Dispose(bool disposing)
        {
            End(isUndone: true);
            base.Dispose(disposing);
        }

        private void End(bool isUndone)
        {
            if (_before is { } before)
            {
                _before = null;
                if (isUndone)
                {
                    _connection.Server.Restore(before);
                }

                _connection.IsInTransaction = false;
                _connection.Server.Unlock(_connection);
            }
        }
    }

    private sealed class StandInCommand : DbCommand
    {
        private readonly ParameterList _parameters = [];

        [AllowNull]
        public override string CommandText { get; set; } = "";

        public override int CommandTimeout { get; set; }

        public override CommandType CommandType { get; set; } = CommandType.Text;

        public override bool DesignTimeVisible { get; set; }

        public override UpdateRowSource UpdatedRowSource { get; set; }

        protected override DbConnection? DbConnection { get; set; }

        protected override DbParameterCollection DbParameterCollection => _parameters;

        protected override DbTransaction? DbTransaction { get; set; }

        public override void Cancel()
        {
        }

        public override void Prepare()
        {
        }

        public override int ExecuteNonQuery() => Run().Changed;

        public override object? ExecuteScalar() => Run().Rows is [[var first, ..], ..] ? first : null;

        protected override DbParameter CreateDbParameter() => new Parameter();

        protected override DbDataReader ExecuteDbDataReader(CommandBehavior behavior)
        {
            var rows = Run().Rows;
            using var table = new DataTable();
            for (var i = 0; i < (rows.Count == 0 ? 2 : rows[0].Length); i++)
            {
                table.Columns.Add("c" + i, typeof(string));
            }

            rows.ForEach(r => table.Rows.Add(r));
            return table.CreateDataReader();
        }

        /// <summary>SQL Server refuses a command outside of its connection's transaction.</summary>
        private (List<object?[]> Rows, int Changed) Run()
        {
            var connection = (SqlServerStandInConnection)DbConnection!;
            Assert.Equal(connection.IsInTransaction, DbTransaction is not null);
            return connection.Server.Run(connection, CommandType, CommandText, _parameters.Cast<DbParameter>().ToDictionary(p => p.ParameterName, p => p.Value));
        }
    }

    private sealed class Parameter : DbParameter
    {
        public override DbType DbType { get; set; }

        public override ParameterDirection Direction { get; set; } = ParameterDirection.Input;

        public override bool IsNullable { get; set; }

        [AllowNull]
        public override string ParameterName { get; set; } = "";

        public override int Size { get; set; }

        [AllowNull]
        public override string SourceColumn { get; set; } = "";

        public override bool SourceColumnNullMapping { get; set; }

        public override object? Value { get; set; }

        public override void ResetDbType()
        {
        }
    }

    private sealed class ParameterList : DbParameterCollection
    {
        private readonly List<DbParameter> _all = [];

        public override int Count => _all.Count;

        public override object SyncRoot => _all;

        public override int Add(object value)
        {
            _all.Add((DbParameter)value);
            return _all.Count - 1;
        }

        public override void AddRange(Array values) => throw new NotSupportedException();

        public override void Clear() => _all.Clear();

        public override bool Contains(object value) => _all.Contains((DbParameter)value);

        public override bool Contains(string value) => IndexOf(value) >= 0;

        public override void CopyTo(Array array, int index) => throw new NotSupportedException();

        public override IEnumerator GetEnumerator() => _all.GetEnumerator();

        public override int IndexOf(object value) => _all.IndexOf((DbParameter)value);

        public override int IndexOf(string parameterName) => _all.FindIndex(p => p.ParameterName == parameterName);

        public override void Insert(int index, object value) => throw new NotSupportedException();

        public override void Remove(object value) => throw new NotSupportedException();

        public override void RemoveAt(int index) => throw new NotSupportedException();

        public override void RemoveAt(string parameterName) => throw new NotSupportedException();

        protected override DbParameter GetParameter(int index) => _all[index];

        protected override DbParameter GetParameter(string parameterName) => _all[IndexOf(parameterName)];

        protected override void SetParameter(int index, DbParameter value) => throw new NotSupportedException();

        protected override void SetParameter(string parameterName, DbParameter value) => throw new NotSupportedException();
    }
}
