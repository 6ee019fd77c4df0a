namespace Rollcall.Standard.Documents;

/// <summary>The passes in which the reference reports faults: a document is answered with all faults of the first pass that has any.</summary>
public enum FaultPhase
{
    /// <summary>Not JSON: one fault, key <c>$.</c>, the JSON reader's own message.</summary>
    Json,

    /// <summary>A member name that occurs twice in one object: only the first such.</summary>
    DuplicateMember,

    /// <summary>An <c>id</c> in the body of a POST.</summary>
    ClientAssignedId,

    /// <summary>Missing members, types, lengths, formats, integer ranges: all together.</summary>
    Schema,

    /// <summary>Decimals outside their declared digits or bounds.</summary>
    DecimalRange,

    /// <summary>The <c>id</c> in the body of a PUT.</summary>
    PutId,

    /// <summary>Values that key unification requires to be equal.</summary>
    Equality,

    /// <summary>Array items that hold equal references: only the first array.</summary>
    DuplicateReference,

    /// <summary>Array items with equal identifying values.</summary>
    DuplicateItem,
}

/// <summary>One thing wrong with a document.</summary>
/// <param name="Path">The key under which it is reported, for example <c>$.schoolReference.schoolId</c>; empty for <see cref="FaultPhase.ClientAssignedId"/>
/// and a mismatching <see cref="FaultPhase.PutId"/>, which are reported as plain errors.</param>
/// <param name="Message">The exact wire text.</param>
public readonly record struct Fault(FaultPhase Phase, string Path, string Message);

/// <summary>What became of a body: the document, or every fault of the first phase that has any.</summary>
public readonly record struct ReadResult(Document? Document, IReadOnlyList<Fault> Faults)
{
    public bool IsValid => Document is not null;
}

/// <summary>What a body is read for; only the treatment of <c>id</c> differs.</summary>
public enum ReadPurpose
{
    /// <summary>POST: an <c>id</c> member of any letter case is a fault.</summary>
    Create,

    /// <summary>PUT: an absent <c>id</c>, or one equal to the path's, is accepted; any other is a fault.</summary>
    Replace,

    /// <summary>A document that is not a request, for example a mapped SIS row or a page's item: <c>id</c> is dropped like any unknown member.</summary>
    Item,

    /// <summary>A stored document after a key that it mentions has changed: the rules between members do not hold for it
    /// (<c>ed-fi-api-data.md</c> 5.5).</summary>
    Stored,
}
