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
        // 0. Custom views as they are now.
        var reachable = session.Reachable;
        var bound = (Create: reachable.Bind(access.Create), Change: reachable.Bind(access.Change));
        if ((bound.Create.Breakage ?? bound.Change.Breakage) is { } breakage)
        {
            return new WriteOutcome.Denied(breakage);
        }

        // 1. The target, whether the caller may touch it, its entity tag, descriptors that changed meanwhile, equal content.
        var rows = session.RowsOf(document.Resource);
        var existing = replaced is { } id ? rows.Find(id) : rows.Find(document.KeyHash);
        var isKeyChanged = replaced is not null && existing is { } stored && WriteDecision.IsKeyChanged(document, stored, rows.StoredNamespace, rows.StoredCodeValue);
        var check = access.IsEverything ? null : Check(session, document, existing, isKeyChanged, reachable.Bind(existing is null ? access.Create : access.Change));
        if (WriteDecision.BeforeResolving(
            document, existing, replaced is not null, precondition, session.Descriptors.Current, session.Model.Standard, check) is { } early)
        {
            return early;
        }

        // 2. Unknown descriptor values, a changed key, values that the caller may not write, references that name nothing.
        var targets = rows.Resolve(document, out var unresolved);
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

    /// <param name="item">The access that counts: bound last, so that its views are those which are asked.</param>
    private static WriteCheck Check(
        WriteSession session, Document document, in ExistingRow? existing, bool isKeyChanged, Access item)
    {
        var (reachable, rowId) = (session.Reachable, existing?.RowId ?? 0);
        return new WriteCheck(
            item,
            () => item.Plan is { } plan ? ItemCheck.Check(item, reachable.Stored(plan, rowId), isStored: true, reachable, v => reachable.StoredRow(plan, v, rowId)) : item.Refusal,
            unresolved => item.Plan is { } plan
                ? ItemCheck.Check(item, ElementValue.Proposed(plan, document, unresolved), isStored: false, reachable, Proposed)
                : item.Refusal);

        long Proposed(ViewPlan view)
        {
            if (view.IsSelf)
            {
                // To a view that lists keys a document with a new one is another.
                return isKeyChanged && item.Shapes![view.View.Name].Row is null ? 0 : rowId;
            }

            var at = Array.FindIndex(document.References, r => ReferenceEquals(r.Model, view.First));
            return at < 0 ? 0 : session.RowsOf(document.Resource).Target(at).RowId;
        }
    }
}
