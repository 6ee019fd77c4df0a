using Rollcall.Standard.Keys;
using Rollcall.Standard.Model;

namespace Rollcall.Standard.Documents;

/// <summary>A document that has passed every rule which needs no stored data: its canonical form and all that storage and
/// delivery need to know of it. Made by the compiled reader.</summary>
public sealed class Document
{
    public required ResourceModel Resource { get; init; }

    /// <summary>The canonical stored form: UTF-8 JSON, members in ordinal order, no unknown members, nulls or empty arrays,
    /// one spelling for each number, date and resolved descriptor. Without <c>id</c>, <c>_etag</c>, <c>_lastModifiedDate</c>, <c>link</c>.</summary>
    public required ReadOnlyMemory<byte> Body { get; init; }

    public required KeyHash KeyHash { get; init; }

    /// <summary>Hash of <see cref="Body"/>.</summary>
    public required RecordHash RecordHash { get; init; }

    /// <summary>Canonical text of each key value as stored (not folded), parallel to <see cref="ResourceModel.Key"/>.</summary>
    public required string[] KeyTexts { get; init; }

    /// <summary>Every reference present in the document, in document order.</summary>
    public required ReferenceValue[] References { get; init; }

    /// <summary>Distinct row numbers of the descriptors used anywhere in the document, ascending; empty when read without a <see cref="DescriptorSet"/>.</summary>
    public required long[] DescriptorRows { get; init; }

    /// <summary>Descriptor values that the set does not know, in document order; always empty when read without a set.</summary>
    public required UnknownDescriptor[] UnknownDescriptors { get; init; }

    /// <summary>Value of each query field, parallel to <see cref="ResourceModel.QueryFields"/>.</summary>
    public required ScalarValue[] QueryValues { get; init; }

    /// <summary>The descriptor set that the document was read against; null when there was none.</summary>
    public DescriptorSet? Descriptors { get; init; }
}

/// <summary>One reference as it stands in a document.</summary>
/// <param name="BodyEnd">Offset in <see cref="Document.Body"/> of the reference object's closing brace, where a link can be spliced in.</param>
/// <param name="Index0">Position in the outer array, or -1 at the root.</param>
/// <param name="Index1">Position in the inner array, or -1 when there is none.</param>
public readonly record struct ReferenceValue(ReferenceModel Model, KeyHash Key, int BodyEnd, int Index0, int Index1)
{
    /// <summary>The path with concrete indexes, <c>$.classPeriods[0].classPeriodReference</c>.</summary>
    public string Path => ConcretePath.Of(Model.Path.Text, Index0, Index1);
}

/// <param name="Path">With concrete indexes.</param>
/// <param name="Descriptor">The type that the member expects.</param>
/// <param name="Value">As sent.</param>
public readonly record struct UnknownDescriptor(string Path, ResourceModel Descriptor, string Value)
{
    /// <summary><c>GradeLevelDescriptor</c>.</summary>
    public string DescriptorType => Descriptor.TypeName;
}

/// <summary>A scalar in the form in which it is compared: never boxed, so that a page of rows costs no garbage.</summary>
/// <param name="Type">Which of the others holds the value; meaningless when <paramref name="IsPresent"/> is false.</param>
/// <param name="Text">String: as stored, not folded. Descriptor: canonical <c>namespace#codeValue</c>.</param>
/// <param name="Number">Integer: itself. Boolean: 0 or 1. Date: days since 0001-01-01. Time: ticks since midnight. DateTime: UTC ticks.
/// Descriptor: its row number, 0 when unknown.</param>
/// <param name="Decimal">Decimal: itself, already rounded to the declared scale.</param>
public readonly record struct ScalarValue(bool IsPresent, PropertyType Type, string? Text, long Number, decimal Decimal);

/// <summary>Puts concrete indexes into a model path.</summary>
public static class ConcretePath
{
    public static string Of(string modelPath, int index0, int index1)
    {
        if (index0 < 0)
        {
            return modelPath;
        }

        var first = modelPath.IndexOf("[*]", StringComparison.Ordinal);
        var path = $"{modelPath[..first]}[{index0}]{modelPath[(first + 3)..]}";
        return index1 < 0 ? path : path.Replace("[*]", $"[{index1}]", StringComparison.Ordinal);
    }
}
