using System.Collections.Immutable;

namespace Rollcall.Serve.Authorization;

/// <summary>How a strategy's organization elements must stand to the caller's organizations.</summary>
public enum Direction
{
    /// <summary>One of them, or below one.</summary>
    Below,

    /// <summary>One of them, or above one.</summary>
    Above,
}

/// <summary>A built-in authorization strategy. Names are exact.</summary>
/// <param name="Kinds">The elements that it checks; empty for the strategies that don't go by relationships.</param>
/// <param name="IsThroughResponsibility">Students are reached by responsibility instead of enrolment.</param>
/// <param name="IsForChanges">Whether it can be configured for ReadChanges.</param>
/// <param name="IsForData">Whether it can be configured for the other actions.</param>
public sealed record Strategy(
    string Name, ImmutableArray<ElementKind> Kinds, Direction Direction, bool IsThroughResponsibility, bool IsForChanges, bool IsForData)
{
    public const string NoFurther = "NoFurtherAuthorizationRequired";
    public const string NamespaceBased = "NamespaceBased";
    public const string OwnershipBased = "OwnershipBased";

    private static readonly ImmutableArray<ElementKind> Organizations = [ElementKind.Organization];
    private static readonly ImmutableArray<ElementKind> Everybody = [ElementKind.Student, ElementKind.Contact, ElementKind.Staff];
    private static readonly ImmutableArray<ElementKind> Both = [ElementKind.Organization, .. Everybody];
    private static readonly ImmutableArray<ElementKind> Students = [ElementKind.Student];

    /// <summary>In the order of the ids by which the Admin API names them.</summary>
    public static ImmutableArray<Strategy> All { get; } =
    [
        Plain(NoFurther, isForChanges: true),
        Relationship("RelationshipsWithEdOrgsAndPeople", Both),
        Relationship("RelationshipsWithEdOrgsOnly", Organizations) with { IsForChanges = true },
        Plain(NamespaceBased, isForChanges: true),
        Relationship("RelationshipsWithPeopleOnly", Everybody),
        Relationship("RelationshipsWithStudentsOnly", Students),
        Relationship("RelationshipsWithStudentsOnlyThroughResponsibility", Students) with { IsThroughResponsibility = true },
        Plain(OwnershipBased, isForChanges: false),
        Changes("RelationshipsWithEdOrgsAndPeopleIncludingDeletes", Both),
        Changes("RelationshipsWithStudentsOnlyIncludingDeletes", Students),
        Relationship("RelationshipsWithEdOrgsOnlyInverted", Organizations) with { Direction = Direction.Above, IsForChanges = true },
        Relationship("RelationshipsWithEdOrgsAndPeopleInverted", Both) with { Direction = Direction.Above },
        Changes("RelationshipsWithStudentsOnlyThroughResponsibilityIncludingDeletes", Students) with { IsThroughResponsibility = true },
    ];

    public bool IsRelationship => !Kinds.IsEmpty;

    public static Strategy? Find(string name) => All.FirstOrDefault(s => s.Name == name);

    public bool IsFor(ClaimAction action) => action == ClaimAction.ReadChanges ? IsForChanges : IsForData;

    private static Strategy Plain(string name, bool isForChanges) => new(name, [], Direction.Below, false, isForChanges, true);

    private static Strategy Relationship(string name, ImmutableArray<ElementKind> kinds) => new(name, kinds, Direction.Below, false, false, true);

    private static Strategy Changes(string name, ImmutableArray<ElementKind> kinds) => new(name, kinds, Direction.Below, false, true, false);
}
