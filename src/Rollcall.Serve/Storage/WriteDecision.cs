using Rollcall.Standard.Documents;
using Rollcall.Standard.Model;

namespace Rollcall.Serve.Storage;

/// <summary>The order in which a write's faults are answered, the same in every store. No I/O: a store brings what it has read.</summary>
/// <remarks>
/// The order is that of the reference (<c>ed-fi-api-resources.md</c> 3.1, step 14):
/// <list type="number">
/// <item>target exists, stored values may be touched by the caller, entity tag: <see cref="BeforeResolving"/>, or <see cref="Missing"/> for a DELETE;</item>
/// <item>descriptors changed since the document was read: also <see cref="BeforeResolving"/>;</item>
/// <item>equal content: also there, because content that is stored already can hold nothing unresolved;</item>
/// <item>unknown descriptor values, key change, values that the caller may not write, unresolved references: <see cref="AfterResolving"/>.</item>
/// </list>
/// A null result means that the write goes on.
/// </remarks>
public static class WriteDecision
{
    /// <summary>PUT or DELETE of an id that the resource does not have.</summary>
    public static WriteOutcome Missing(Precondition precondition) =>
        precondition.IfMatchAny ? new WriteOutcome.NothingToMatch() : new WriteOutcome.NotFound();

    /// <summary>What can be said once the stored row is known and no reference has been looked up yet.</summary>
    /// <param name="existing">POST: the row with the document's key. PUT: the row with the id. Null when there is none.</param>
    /// <param name="current">The store's descriptors now.</param>
    /// <param name="check">Null when the caller may do everything.</param>
    public static WriteOutcome? BeforeResolving(
        Document document, in ExistingRow? existing, bool isReplace, Precondition precondition, DescriptorSet current,
        DataStandard standard, WriteCheck? check)
    {
        if (existing is null && isReplace)
        {
            return Missing(precondition);
        }

        if (existing is not null && check?.OfStored() is { } denied)
        {
            return denied;
        }

        var tag = CheckTag(existing, precondition);
        if (tag is not null && check?.DefersEntityTag != true)
        {
            return tag;
        }

        // Content that is stored already has no values of its own to be checked: they are the stored ones.
        return IsStale(document, current, standard) ? new WriteOutcome.StaleDescriptors()
            : existing is { } row && row.Content == document.RecordHash && row.Key == document.KeyHash
                ? tag ?? new WriteOutcome.Unchanged(row.Id, row.ChangeVersion)
            : null;
    }

    /// <summary>What can be said once every reference has been looked up.</summary>
    /// <param name="isKeyChanged">PUT only: <see cref="IsKeyChanged"/>.</param>
    /// <param name="unresolved">The references that name nothing, in document order.</param>
    /// <param name="check">Null when the caller may do everything.</param>
    public static WriteOutcome? AfterResolving(
        Document document, in ExistingRow? existing, Precondition precondition, bool isKeyChanged, IReadOnlyList<ReferenceValue> unresolved,
        WriteCheck? check)
    {
        if (document.UnknownDescriptors.Length > 0 || (precondition.IsProfiled && unresolved.Count > 0))
        {
            return new WriteOutcome.Unresolved(unresolved, document.UnknownDescriptors);
        }

        // A descriptor's new namespace is checked before its key is found changed; of other resources the key comes first.
        var isRefused = isKeyChanged && !document.Resource.AllowsKeyChange;
        if (isRefused && !document.Resource.IsDescriptor)
        {
            return new WriteOutcome.KeyChangeNotSupported();
        }

        if (check is not null && (check.OfProposed(unresolved) ?? CheckTag(existing, precondition)) is { } refused)
        {
            return refused;
        }

        return isRefused ? new WriteOutcome.KeyChangeNotSupported()
            : unresolved.Count > 0 ? new WriteOutcome.Unresolved(unresolved, [])
            : precondition.IsTrial ? new WriteOutcome.Judged()
            : null;
    }

    /// <summary>Whether a PUT's document has another key than the row it replaces. Letter case alone makes no other key,
    /// except of a descriptor (<c>ed-fi-api-resources.md</c> 3.4).</summary>
    /// <param name="storedNamespace">A stored descriptor's namespace and code value; ignored for other resources.</param>
    public static bool IsKeyChanged(Document document, in ExistingRow existing, string? storedNamespace, string? storedCodeValue) =>
        existing.Key != document.KeyHash
        || (document.Resource.IsDescriptor
            && (storedNamespace != DescriptorMember(document, "namespace") || storedCodeValue != DescriptorMember(document, "codeValue")));

    /// <summary>A descriptor document's own <c>namespace</c> or <c>codeValue</c>, as sent.</summary>
    public static string DescriptorMember(Document document, string member)
    {
        var key = document.Resource.Key;
        for (var i = 0; i < key.Length; i++)
        {
            if (key[i].Name == member)
            {
                return document.KeyTexts[i];
            }
        }

        throw new ArgumentException($"{document.Resource} has no key member {member}.", nameof(document));
    }

    /// <summary>Whether the document must be read again: a descriptor has gone or been respelled since, or one that was unknown is known now.</summary>
    /// <exception cref="ArgumentException">The document was read without descriptors, so that the ones it uses are not known.</exception>
    public static bool IsStale(Document document, DescriptorSet current, DataStandard standard)
    {
        var read = document.Descriptors
            ?? throw new ArgumentException("The document was read without a descriptor set.", nameof(document));
        return read.DeleteEpoch != current.DeleteEpoch || IsAnyKnown(document.UnknownDescriptors, current);
    }

    private static WriteOutcome? CheckTag(in ExistingRow? existing, Precondition precondition) =>
        existing is { } row ? precondition.CheckExisting(row.ChangeVersion)
        : precondition.IfMatch is not null || precondition.IfMatchAny ? new WriteOutcome.NothingToMatch()
        : null;

    private static bool IsAnyKnown(UnknownDescriptor[] unknown, DescriptorSet current)
    {
        foreach (var descriptor in unknown)
        {
            if (current.Find(descriptor.Descriptor, descriptor.Value) is not null)
            {
                return true;
            }
        }

        return false;
    }
}
