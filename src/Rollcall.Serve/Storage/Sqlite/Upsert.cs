using Rollcall.Serve.Authorization;
using Rollcall.Standard.Documents;

namespace Rollcall.Serve.Storage.Sqlite;

/// <summary>POST and PUT, inside the writer's transaction. Every expected refusal but those of a cascade is found before the first statement
/// that writes, so a request needs no savepoint: an error here undoes the group, which is then done again singly.</summary>
internal static class Upsert
{
    /// <param name="replaced">The id of a PUT; null for a POST.</param>
    public static WriteOutcome Run(WriteSession session, Document document, Guid? replaced, Precondition precondition, WriteAccess access)
    {
        // 1. The target, whether the caller may touch it, its entity tag, descriptors that changed meanwhile, equal content.
        var rows = session.RowsOf(document.Resource);
        var existing = replaced is { } id ? rows.Find(id) : rows.Find(document.KeyHash);
        var check = access.IsEverything ? null : Check(session, document, existing, access);
        if (WriteDecision.BeforeResolving(
            document, existing, replaced is not null, precondition, session.Descriptors.Current, session.Model.Standard, check) is { } early)
        {
            return early;
        }

        // 2. Unknown descriptor values, a changed key, values that the caller may not write, references that name nothing.
        var targets = rows.Resolve(document, out var unresolved);
        var isKeyChanged = replaced is not null && WriteDecision.IsKeyChanged(document, existing!.Value, rows.StoredNamespace, rows.StoredCodeValue);
        if (WriteDecision.AfterResolving(document, existing, precondition, isKeyChanged, unresolved, check) is { } refused)
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

            var inserted = rows.Insert(document, targets, access.Owner);
            return new WriteOutcome.Created(inserted.Id, inserted.ChangeVersion);
        }

        return isKeyChanged
            ? session.Cascade.Run(document, row.RowId)
            : new WriteOutcome.Updated(row.Id, rows.Update(document, row, targets).ChangeVersion);
    }

    private static WriteCheck Check(WriteSession session, Document document, in ExistingRow? existing, in WriteAccess access)
    {
        var (reachable, rowId, item) = (session.Reachable, existing?.RowId ?? 0, access.For(exists: existing is not null));
        return new WriteCheck(
            item,
            () => item.Plan is { } plan ? ItemCheck.Check(item, reachable.Stored(plan, rowId), isStored: true, reachable) : item.Refusal,
            unresolved => item.Plan is { } plan
                ? ItemCheck.Check(item, ElementValue.Proposed(plan, document, unresolved), isStored: false, reachable)
                : item.Refusal);
    }
}
