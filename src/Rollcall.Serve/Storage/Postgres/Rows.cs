using Npgsql;
using Rollcall.Databases;
using Rollcall.Standard.Documents;

namespace Rollcall.Serve.Storage.Postgres;

/// <summary>Every row that is inserted, updated or re-keyed goes through <see cref="Put"/>, and every one that is deleted through
/// <see cref="Remove"/>: whatever is kept in step with documents is kept so by statements that these add.</summary>
internal sealed class Rows(Catalog catalog, LinkSplicer links, TimeProvider time)
{
    private const int DeletedColumns = 6;

    /// <summary>A write transaction's time, to the microsecond that the database keeps.</summary>
    public DateTime Now()
    {
        var now = time.GetUtcNow().UtcDateTime;
        return new DateTime(now.Ticks - (now.Ticks % TimeSpan.TicksPerMicrosecond), DateTimeKind.Utc);
    }

    /// <summary>Adds the statements that write the documents, all of one resource: identities, inserts, updates, references in collections.
    /// Of their results those with more than one column say which rows were written: id, version, row.</summary>
    /// <returns>The memory of the row images, to be disposed of when the batch has run.</returns>
    public RowImages Put(NpgsqlBatch batch, TableStatements statements, IReadOnlyList<PlannedWrite> planned, DateTime now)
    {
        var table = statements.Table;
        var number = catalog.NumberOf(table.Resource);
        var images = new RowImages(new PostgresRows(statements.RowType, statements.ColumnCount), new PostgresRows(statements.RowType, statements.ColumnCount));
        foreach (var plan in planned)
        {
            var head = plan.Existing is { } row
                ? new RowHead(row.RowId, row.Id, row.ChangeVersion, now, number, null)
                : new RowHead(0, Guid.CreateVersion7(time.GetUtcNow()), 0, now, number, plan.Write.Request.Access.Owner);
            plan.Id = head.Id;
            RowImage.Write(plan.Existing is null ? images.Inserts : images.Updates, table, plan.Document, plan.Targets, head, links);
        }

        if (table.IdentityTable is not null)
        {
            PutIdentities(batch, statements, planned, number, images);
        }

        if (images.Inserts.Count > 0)
        {
            batch.Then(statements.Insert).WithRows(images.Inserts);
        }

        if (images.Updates.Count > 0)
        {
            batch.Then(statements.Update).WithRows(images.Updates);
        }

        SideTables.Put(batch, statements, planned);
        return images;
    }

    /// <summary>Adds the statements that delete the rows and record their deletion. The last result has the numbers of the rows that are gone.</summary>
    public PostgresRows Remove(NpgsqlBatch batch, TableStatements statements, IEnumerable<DoomedRow> doomed)
    {
        var resource = statements.Table.Resource;
        var images = new PostgresRows(catalog.RowType("deleted"), DeletedColumns);
        foreach (var row in doomed)
        {
            var keyValues = KeyValues.Write(resource, row.Body);
            images.BeginRow();
            images.Long(row.ChangeVersion);
            images.Int(catalog.NumberOf(resource));
            images.Long(row.RowId);
            images.Uuid(row.Id);
            images.Uuid(row.Key.ToGuid());
            keyValues.CopyTo(images.Bytea(keyValues.Length));
            images.EndRow();
        }

        batch.Then(statements.Delete).WithRows(images);
        batch.Then(TableStatements.RecordDeleted).WithRows(images);
        return images;
    }

    private void PutIdentities(NpgsqlBatch batch, TableStatements statements, IReadOnlyList<PlannedWrite> planned, int number, RowImages images)
    {
        var inserts = images.Identities = new PostgresRows(catalog.RowType(statements.Table.IdentityTable!), 4);
        foreach (var plan in planned)
        {
            if (plan.Existing is not { } row)
            {
                inserts.BeginRow();
                inserts.Long(null);
                inserts.Uuid(plan.Document.KeyHash.ToGuid());
                inserts.Uuid(plan.Id);
                inserts.Int(number);
                inserts.EndRow();
            }
            else if (row.Key != plan.Document.KeyHash)
            {
                batch.Then(statements.UpdateIdentity).With(row.RowId).With(plan.Document.KeyHash.ToGuid());
            }
        }

        if (inserts.Count > 0)
        {
            batch.Then(statements.InsertIdentity).WithRows(inserts);
        }
    }
}

/// <summary>The row images of one batch; their memory is rented.</summary>
internal sealed class RowImages(PostgresRows inserts, PostgresRows updates) : IDisposable
{
    public PostgresRows Inserts { get; } = inserts;

    public PostgresRows Updates { get; } = updates;

    public PostgresRows? Identities { get; set; }

    public void Dispose()
    {
        Inserts.Dispose();
        Updates.Dispose();
        Identities?.Dispose();
    }
}
