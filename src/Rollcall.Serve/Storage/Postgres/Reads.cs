using System.Buffers;
using System.Text;
using Npgsql;
using Rollcall.Serve.Queries;
using Rollcall.Standard.Model;

namespace Rollcall.Serve.Storage.Postgres;

/// <summary>Documents by id and by page: stored bytes, copied once from the connection's buffer to a pooled one and handed to the sink.</summary>
internal sealed class Reads(Catalog catalog)
{
    private const int FirstBuffer = 8 * 1024;
    private readonly KeyFilters?[] _keyFilters = new KeyFilters?[catalog.Tables.Count];

    public async ValueTask<bool> GetAsync(ResourceModel resource, Guid id, IDocumentSink sink, CancellationToken cancellationToken)
    {
        await using var connection = await catalog.Source.OpenConnectionAsync(cancellationToken);
        await using var command = new NpgsqlCommand(catalog.Of(resource).Get, connection);
        command.Parameters.Add(new NpgsqlParameter<Guid> { TypedValue = id });
        if (resource.IsDescriptor)
        {
            command.Parameters.Add(new NpgsqlParameter<int> { TypedValue = catalog.NumberOf(resource) });
        }

        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        if (!await reader.ReadAsync(cancellationToken))
        {
            return false;
        }

        sink.Begin(null);
        var buffer = ArrayPool<byte>.Shared.Rent(FirstBuffer);
        try
        {
            Add(reader, 3, ref buffer, id, sink);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }

        return true;
    }

    public async ValueTask QueryAsync(QueryPlan plan, IDocumentSink sink, CancellationToken cancellationToken)
    {
        if (plan.MatchesNothing || (plan.Limit == 0 && !plan.WantsTotalCount))
        {
            sink.Begin(plan.WantsTotalCount ? 0 : null);
            return;
        }

        await using var connection = await catalog.Source.OpenConnectionAsync(cancellationToken);
        await using var batch = new NpgsqlBatch(connection);
        if (plan.WantsTotalCount)
        {
            var count = new PageStatement($"select count(*) from rollcall.{catalog.Tables[plan.Resource.Index].Name} t");
            AddConditions(count, plan);
            batch.BatchCommands.Add(count.ToCommand());
        }

        if (plan.Limit > 0)
        {
            batch.BatchCommands.Add(Page(plan));
        }

        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        if (plan.WantsTotalCount)
        {
            await reader.ReadAsync(cancellationToken);
            sink.Begin(reader.GetInt64(0));
            await reader.NextResultAsync(cancellationToken);
        }
        else
        {
            sink.Begin(null);
        }

        if (plan.Limit > 0)
        {
            await CopyAsync(reader, sink, cancellationToken);
        }
    }

    private static async ValueTask CopyAsync(NpgsqlDataReader reader, IDocumentSink sink, CancellationToken cancellationToken)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(FirstBuffer);
        try
        {
            while (await reader.ReadAsync(cancellationToken))
            {
                Add(reader, 4, ref buffer, reader.GetGuid(3), sink);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static void Add(NpgsqlDataReader reader, int body, ref byte[] buffer, Guid id, IDocumentSink sink)
    {
        var length = (int)reader.GetBytes(body, 0, null, 0, 0);
        if (length > buffer.Length)
        {
            ArrayPool<byte>.Shared.Return(buffer);
            buffer = ArrayPool<byte>.Shared.Rent(length);
        }

        reader.GetBytes(body, 0, buffer, 0, length);
        sink.Add(new StoredDocument(buffer.AsSpan(0, length), id, reader.GetInt64(0), reader.GetInt64(1), reader.GetDateTime(2)));
    }

    /// <summary>A page in row order. The page's first row is found in the primary key alone, so that what is skipped is never
    /// fetched; with conditions PostgreSQL has to look at the rows anyway.</summary>
    private NpgsqlBatchCommand Page(QueryPlan plan)
    {
        var table = $"rollcall.{catalog.Tables[plan.Resource.Index].Name}";
        var page = new PageStatement($"select t.row_id, t.change_version, t.last_modified, t.id, t.document from {table} t");
        AddConditions(page, plan);
        var isWhole = plan is { Filters.Count: 0, Id: null, MinChangeVersion: null, MaxChangeVersion: null };
        if (plan.Offset > 0 && isWhole)
        {
            var scope = plan.Resource.IsDescriptor ? "where s.resource = $1 " : "";
            page.Where($"t.row_id >= (select s.row_id from {table} s {scope}order by s.row_id offset {page.Parameter(plan.Offset)} limit 1)");
        }

        page.Append($" order by t.row_id limit {page.Parameter((long)plan.Limit)}");
        if (plan.Offset > 0 && !isWhole)
        {
            page.Append($" offset {page.Parameter(plan.Offset)}");
        }

        return page.ToCommand();
    }

    private void AddConditions(PageStatement statement, QueryPlan plan)
    {
        var table = catalog.Tables[plan.Resource.Index];
        if (plan.Resource.IsDescriptor)
        {
            statement.Where($"t.resource = {statement.Parameter(catalog.NumberOf(plan.Resource))}");
        }

        if (plan.Id is { } id)
        {
            statement.Where($"t.id = {statement.Parameter(id)}");
        }

        if (plan.MinChangeVersion is > 0 and { } min)
        {
            statement.Where($"t.change_version >= {statement.Parameter(min)}");
        }

        if (plan.MaxChangeVersion is { } max)
        {
            statement.Where($"t.change_version <= {statement.Parameter(max)}");
        }

        if (plan.Filters.Count == 0)
        {
            return;
        }

        var keys = _keyFilters[plan.Resource.Index] ??= new KeyFilters(table);
        if (keys.NaturalKey(plan.Filters) is { } key)
        {
            statement.Where($"t.key_hash = {statement.Parameter(key.ToGuid())}");
        }

        foreach (var (column, target) in keys.References(plan.Filters))
        {
            statement.Where($"t.{column.Column} = (select r.row_id from rollcall.{column.TargetTable} r where r.key_hash = {statement.Parameter(target.ToGuid())})");
        }

        foreach (var filter in plan.Filters)
        {
            var column = table.ValueColumns[filter.Field];
            statement.Where($"t.{column.Column} = {column.Kind switch
            {
                ColumnKind.Text => statement.Parameter(RowImage.FoldedText(filter.Value.Text!)),
                ColumnKind.Decimal => statement.Parameter(filter.Value.Decimal),
                _ => statement.Parameter(filter.Value.Number),
            }}");
        }
    }

    /// <summary>A statement that grows by conditions; equal shapes give equal texts, so that connections keep them prepared.</summary>
    private sealed class PageStatement(string head)
    {
        private readonly StringBuilder _sql = new(head, 512);
        private readonly List<NpgsqlParameter> _parameters = [];
        private bool _hasWhere;

        public string Parameter<T>(T value)
        {
            _parameters.Add(new NpgsqlParameter<T> { TypedValue = value });
            return $"${_parameters.Count}";
        }

        public void Where(string condition)
        {
            _sql.Append(_hasWhere ? " and " : " where ").Append(condition);
            _hasWhere = true;
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
}
