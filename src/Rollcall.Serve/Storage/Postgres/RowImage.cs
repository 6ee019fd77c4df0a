using Rollcall.Databases;
using Rollcall.Standard.Documents;
using Rollcall.Standard.Keys;

namespace Rollcall.Serve.Storage.Postgres;

/// <summary>Writes a document as a row of its table, column by column in the order of <see cref="TableStatements.ColumnsOf"/>.</summary>
internal static class RowImage
{
    private const uint Int8 = 20;

    /// <param name="targets">Parallel to <see cref="Document.References"/>, all found.</param>
    public static void Write(
        PostgresRows rows, TableModel table, Document document, ReadOnlySpan<ReferenceTarget> targets, RowHead head, LinkSplicer links)
    {
        rows.BeginRow();
        rows.Long(head.RowId > 0 ? head.RowId : null);
        rows.Long(head.ChangeVersion);
        rows.Uuid(head.Id);
        rows.Uuid(document.KeyHash.ToGuid());
        rows.Uuid(document.RecordHash.ToGuid());
        rows.Timestamp(head.LastModified);
        rows.Text(head.Owner);
        if (document.Resource.IsDescriptor)
        {
            rows.Int(head.ResourceNumber);
            rows.Text(Storable(WriteDecision.DescriptorMember(document, "namespace")));
            rows.Text(Storable(WriteDecision.DescriptorMember(document, "codeValue")));
        }

        rows.LongArray(document.DescriptorRows);
        var references = document.References;
        foreach (var column in table.ReferenceColumns)
        {
            var found = false;
            for (var i = 0; i < references.Length && !found; i++)
            {
                if (ReferenceEquals(references[i].Model, column.Reference))
                {
                    rows.Long(targets[i].RowId);
                    found = true;
                }
            }

            if (!found)
            {
                rows.Null(Int8);
            }
        }

        foreach (var column in table.ValueColumns)
        {
            ref readonly var value = ref document.QueryValues[column.Field];
            switch (column.Kind)
            {
                case ColumnKind.Text:
                    rows.Text(value.IsPresent ? FoldedText(value.Text!) : null);
                    break;
                case ColumnKind.Decimal:
                    rows.Numeric(value.IsPresent ? value.Decimal : null);
                    break;
                default:
                    rows.Long(value.IsPresent ? value.Number : null);
                    break;
            }
        }

        links.Write(document, targets, rows.Bytea(links.LengthOf(document, targets)));
        rows.EndRow();
    }

    /// <summary>The form in which a text is kept for comparison, also of a filter's value.</summary>
    public static string FoldedText(string text) => Storable(Fold.Text(text));

    /// <summary>PostgreSQL's text cannot hold U+0000. The document keeps it; its column gets the replacement character.</summary>
    private static string Storable(string text) => text.Contains('\0') ? text.Replace('\0', '\uFFFD') : text;
}

/// <summary>The columns of a row that do not come from its document.</summary>
/// <param name="RowId">0 for a new row, which draws its number when it is inserted.</param>
/// <param name="Owner">The ownership token of who creates it; of a stored row it stays what it is.</param>
/// <param name="ChangeVersion">The version that an existing row must still have; 0 for a new one.</param>
internal readonly record struct RowHead(long RowId, Guid Id, long ChangeVersion, DateTime LastModified, int ResourceNumber, string? Owner);
