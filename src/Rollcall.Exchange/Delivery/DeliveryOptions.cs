using Rollcall.Standard.Model;

namespace Rollcall.Exchange.Delivery;

/// <summary>Ceilings and rules of a delivery. The number of requests in flight finds its own level below the ceilings.</summary>
public sealed record DeliveryOptions
{
    /// <summary>What the delivery is called in traces.</summary>
    public string Pass { get; init; } = "upserts";

    /// <summary>Resources in work at once.</summary>
    public int ResourcesMax { get; init; } = 10;

    /// <summary>Documents of one resource in work at once; with <see cref="ResourcesMax"/> and the largest body this bounds memory.</summary>
    public int DocumentsPerResourceMax { get; init; } = 64;

    /// <summary>Bytes of held-back documents kept in memory; more go to a temporary file that only we can read.</summary>
    public long HeldBytesMax { get; init; } = 64 * 1024 * 1024;

    /// <summary>Order reversed, for deletes: each resource after all that depend on it.</summary>
    public bool IsReverse { get; init; }

    /// <summary>A 403 on a write is a warning, not a refusal.</summary>
    public bool ForbiddenIsWarning { get; init; }

    /// <summary>A 409 on the POST of a descriptor that the target has already is a warning, not a refusal.</summary>
    public bool ExistingDescriptorIsWarning { get; init; }

    /// <summary>Resources whose refusal with 403 may only mean that their documents cannot be seen yet: such documents are sent once
    /// more when the named resources are through.</summary>
    public IReadOnlyDictionary<ResourceName, IReadOnlyList<ResourceName>> UpdatePrerequisites { get; init; } = DefaultUpdatePrerequisites;

    /// <summary>The API Publisher's shipped table, with the names of Data Standard 5 beside the older ones.</summary>
    public static IReadOnlyDictionary<ResourceName, IReadOnlyList<ResourceName>> DefaultUpdatePrerequisites { get; } =
        new Dictionary<ResourceName, IReadOnlyList<ResourceName>>
        {
            [Core("students")] = [Core("studentSchoolAssociations")],
            [Core("staffs")] = [Core("staffEducationOrganizationEmploymentAssociations"), Core("staffEducationOrganizationAssignmentAssociations")],
            [Core("contacts")] = [Core("studentContactAssociations")],
            [Core("parents")] = [Core("studentParentAssociations")],
        };

    private static ResourceName Core(string endpoint) => new("ed-fi", endpoint);
}
