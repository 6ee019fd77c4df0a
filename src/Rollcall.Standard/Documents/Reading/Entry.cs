namespace Rollcall.Standard.Documents.Reading;

/// <summary>What a member of the body turned out to be.</summary>
internal enum EntryState : byte
{
    /// <summary>Null, or empty and therefore dropped.</summary>
    Absent,

    /// <summary>Sent, but with a fault that is already reported.</summary>
    Faulty,

    Scalar,

    /// <summary>An object, a reference, or an item of an array.</summary>
    Object,

    Array,
}

/// <summary>One known member of the body, or one item of an array: a node of the flat tree that the scan leaves behind.</summary>
/// <remarks>Members of one object are chained in canonical order and only those that were sent take room, so that memory stays
/// within a fixed multiple of the body whatever the body is. Entry 0 is the root object; as a link it means none.</remarks>
internal struct Entry
{
    /// <summary>The next member of the same object in canonical order, or the next item of the same array.</summary>
    public int Next;

    /// <summary>The first member of an object, or the first item of an array.</summary>
    public int First;

    /// <summary>Where the value's canonical JSON text stands: in the body, or in <see cref="Workspace.Text"/> when <see cref="IsRewritten"/>.</summary>
    public int Start;

    public int Length;

    /// <summary>Position in the object's members.</summary>
    public short Member;

    public EntryState State;

    public bool IsRewritten;

    /// <summary>The text is a string with an escape sequence.</summary>
    public bool HasEscape;

    /// <summary>The value is a descriptor that the set knows.</summary>
    public bool IsResolved;

    /// <summary>As <see cref="ScalarValue.Number"/>; for a resolved descriptor its position in <see cref="Workspace.Descriptors"/>.</summary>
    public long Number;
}
