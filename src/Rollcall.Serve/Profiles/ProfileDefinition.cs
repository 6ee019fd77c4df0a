namespace Rollcall.Serve.Profiles;

/// <summary>Which members of an object a rule lets through.</summary>
internal enum MemberSelection
{
    IncludeAll,
    IncludeOnly,
    ExcludeOnly,
}

/// <summary>What a container rule is about.</summary>
internal enum ContainerKind
{
    Object,
    Collection,
    Extension,
}

/// <summary>A profile as its XML says it: nothing is known yet of the members that it names.</summary>
internal sealed record ProfileDefinition(string Name, IReadOnlyList<ResourceRule> Resources)
{
    /// <summary>Whether answers can name the profile in their media type; a header holds no other characters.</summary>
    public static bool IsUsableName(string name) => name.All(c => c is >= ' ' and <= '~');
}

/// <param name="Name">Singular, in PascalCase.</param>
/// <param name="LogicalSchema">The project that the resource is of; null to look in the core first.</param>
/// <param name="Read">Null when the resource can't be read through the profile.</param>
internal sealed record ResourceRule(string Name, string? LogicalSchema, ContentRule? Read, ContentRule? Write);

/// <summary>The rules of a content type, or of a container inside one.</summary>
/// <param name="Properties">Names of members that are included or excluded as a whole.</param>
internal sealed record ContentRule(
    MemberSelection Selection, IReadOnlyList<string> Properties, IReadOnlyList<ContainerRule> Containers, FilterRule? Filter)
{
    /// <summary>Lets everything through.</summary>
    public bool IsEverything => Selection == MemberSelection.IncludeAll && Containers.Count == 0 && Filter is null;
}

internal sealed record ContainerRule(ContainerKind Kind, string Name, ContentRule Content);

/// <summary>Which items of a collection pass: those with one of the values, or those with none of them.</summary>
/// <param name="Values">Descriptor URIs, compared without case.</param>
internal sealed record FilterRule(string Property, bool IsExclude, IReadOnlyList<string> Values);
