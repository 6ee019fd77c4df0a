using Rollcall.Standard.Model;

namespace Rollcall.Exchange.Sync.Mapping;

/// <summary>A mapping file compiled against the data standard: which column of a row becomes which member of the document.</summary>
internal sealed class DocumentTemplate
{
    public required ResourceModel Resource { get; init; }

    public required MappingFile File { get; init; }

    /// <summary>As the query names them.</summary>
    public required IReadOnlyList<string> Columns { get; init; }

    /// <summary>Positions of the control columns; -1 where the query has none.</summary>
    public required int SourceKeyColumn { get; init; }

    public required int ScopeColumn { get; init; }

    public required int OmitColumn { get; init; }

    /// <summary>When the row was changed, for a source that nobody tells of changes; -1 when the query does not say.</summary>
    public required int ChangedColumn { get; init; }

    /// <summary>Columns that hold 0 where a row breaks the header's expectation of the same position.</summary>
    public required int[] ExpectColumns { get; init; }

    public required Binding[] Bindings { get; init; }

    /// <summary>For the descriptors in JSON columns.</summary>
    public required CrosswalkSet Crosswalks { get; init; }

    public required ObjectTemplate Root { get; init; }

    public required ChildTemplate[] Children { get; init; }

    /// <summary>The binding of each key member, so that the key of a row that is not a valid document is known too; -1 where none is mapped.</summary>
    public required int[] KeyBindings { get; init; }
}

/// <summary>A child file: rows that become the items of one array.</summary>
internal sealed class ChildTemplate
{
    public required MappingFile File { get; init; }

    public required IReadOnlyList<string> Columns { get; init; }

    public required int ParentColumn { get; init; }

    public required int[] ExpectColumns { get; init; }

    public required Binding[] Bindings { get; init; }

    public required ObjectTemplate Item { get; init; }
}

/// <summary>A column read as the value of a member's type.</summary>
/// <param name="Property">The member, or the array for a JSON column.</param>
/// <param name="Path">As written in the alias; for messages.</param>
/// <param name="Crosswalk">Of a descriptor member; null when the folder has none for it.</param>
/// <param name="ColumnName">As the query names the column.</param>
internal sealed record Binding(int Column, PropertyModel Property, string Path, Crosswalk? Crosswalk, string ColumnName);

/// <summary>Something that is written into a document from a row's values.</summary>
internal abstract class TemplateNode;

/// <param name="binding">Position among the bindings of the row, or of its parent's row.</param>
/// <param name="fromParent">In a child file's item: the value comes from the row that the item belongs to.</param>
internal sealed class ScalarTemplate(int binding, bool fromParent) : TemplateNode
{
    public int Binding { get; } = binding;

    public bool FromParent { get; } = fromParent;
}

internal sealed class ObjectTemplate : TemplateNode
{
    public required string Path { get; init; }

    public required TemplateMember[] Members { get; init; }

    /// <summary>The object is there when one of these has a value: the members with an alias of their own, or, when every member is filled
    /// by key unification, all. A unified value alone does not bring an optional reference to life.</summary>
    public required ScalarTemplate[] Presence { get; init; }

    /// <summary>Arrays also make the object present.</summary>
    public required bool HasArrays { get; init; }
}

/// <param name="NameJson">The name with quotes and colon.</param>
internal sealed record TemplateMember(byte[] NameJson, TemplateNode Node, bool IsRequired);

internal sealed class ArrayTemplate : TemplateNode
{
    public required string Path { get; init; }

    /// <summary>Items of indexed aliases.</summary>
    public required ObjectTemplate[] Items { get; init; }

    /// <summary>Position in <see cref="DocumentTemplate.Children"/>, or -1.</summary>
    public required int Child { get; init; }

    /// <summary>Binding of a JSON column, or -1.</summary>
    public required int JsonBinding { get; init; }
}
