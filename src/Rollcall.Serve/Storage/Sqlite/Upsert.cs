using Rollcall.Standard.Documents;

namespace Rollcall.Serve.Storage.Sqlite;

/// <summary>POST and PUT, inside the writer's transaction. Every expected refusal but those of a cascade is found before the first statement
/// that writes, so a request needs no savepoint: an error here undoes the group, which is then done again singly.</summary>
internal static class Upsert
{
    /// <param name="replaced">The id of a PUT; null for a POST.</param>
    public static WriteOutcome Run(WriteSession session, Document document, Guid? replaced, Precondition precondition)
    {
        // 1. The target, its entity tag, descriptors that changed meanwhile, equal content.
        var rows = session.RowsOf(document.Resource);
        var existing = replaced is { } id ? rows.Find(id) : rows.Find(document.KeyHash);
        if (WriteDecision.BeforeResolving(
            document, existing, replaced is not null, precondition, session.Descriptors.Current, session.Model.Standard) is { } early)
        {
            return early;
        }

        // 2. Unknown descriptor values, a changed key, references that name nothing.
        var targets = rows.Resolve(document, out var unresolved);
        var isKeyChanged = replaced is not null && WriteDecision.IsKeyChanged(document, existing!.Value, rows.StoredNamespace, rows.StoredCodeValue);
        if (WriteDecision.AfterResolving(document, isKeyChanged, unresolved) is { } refused)
        {
            return refused;
        }

        // 3. The write.
        if (existing is not { } row)
        {
            if (rows.IsKeyTakenBySibling(document.KeyHash))
            {
                return new WriteOutcome.KeyConflict();
            }

            var inserted = rows.Insert(document, targets);
            return new WriteOutcome.Created(inserted.Id, inserted.ChangeVersion);
        }

        return isKeyChanged
            ? session.Cascade.Run(document, row.RowId)
            : new WriteOutcome.Updated(row.Id, rows.Update(document, row, targets).ChangeVersion);
    }
}
