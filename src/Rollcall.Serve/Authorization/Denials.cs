using System.Globalization;
using Rollcall.Standard.Model;

namespace Rollcall.Serve.Authorization;

/// <summary>Makes the refusals of authorization, to the letter of <c>ed-fi-api-security.md</c> 8.6 and 8.7.</summary>
public static class Denials
{
    private const string A = "security:authorization";
    private const string D = "Access to the requested data could not be authorized.";
    private const string Resource = "Access to the resource could not be authorized.";
    private const int OrganizationsShown = 5;

    public static Denial NoClaim { get; } = new(DenialKind.Forbidden, A + ":", Resource, []);

    public static Denial NoNamespaces { get; } = new(
        DenialKind.Forbidden,
        A + ":namespace:invalid-client:no-namespaces",
        "There was a problem authorizing the request. The caller has not been configured correctly for accessing resources authorized by Namespace.",
        ["The API client has been given permissions on a resource that uses the 'NamespaceBased' authorization strategy but the client doesn't have any namespace prefixes assigned."]);

    public static Denial NotOwner { get; } = new(
        DenialKind.Forbidden, A + ":ownership:access-denied:ownership-mismatch", D + " The item is not owned by the caller.", []);

    public static Denial NoOwner { get; } = new(
        DenialKind.Forbidden,
        A + ":ownership:invalid-data:ownership-uninitialized",
        D + " The item is not owned by the caller.",
        ["The existing resource item has no 'CreatedByOwnershipTokenId' value assigned and thus will never be accessible to clients using the 'OwnershipBased' authorization strategy."]);

    public static Denial NoMetadata { get; } = Misconfigured("No security metadata has been configured for this resource.");

    public static Denial Unexpected { get; } = new(DenialKind.Broken, "system", "An unexpected problem has occurred.", []);

    public static Denial ActionNotGranted(string claimSet, ClaimAction action, ResourceModel resource) => new(
        DenialKind.Forbidden,
        A + ":access-denied:action",
        Resource,
        [$"The API client's assigned claim set (currently '{claimSet}') must grant permission of the '{action}' action on one of the following resource claims: {resource.TypeName}"]);

    public static Denial NoStrategies(ClaimAction action, IEnumerable<string> claims)
    {
        var uris = claims.Order(StringComparer.Ordinal).ToArray();
        return Misconfigured(
            $"No authorization strategies were defined for the requested action '{action}' against resource URIs [{Quoted(uris)}] matched by the caller's claim '{uris[0]}'.");
    }

    public static Denial UnknownStrategies(IEnumerable<string> names) =>
        Misconfigured($"Could not find authorization strategy implementations for the following strategy names: {Quoted(names.Distinct(StringComparer.Ordinal))}.");

    public static Denial NothingToCheck(string strategy, ResourceModel resource) =>
        Misconfigured($"The resource '{resource.TypeName}' has nothing by which the authorization strategy '{strategy}' could be evaluated.");

    public static Denial NoNewPerson(string strategy, ResourceModel resource) =>
        Misconfigured($"A new '{resource.TypeName}' cannot be authorized by the authorization strategy '{strategy}': nothing can be related to it before it exists.");

    public static Denial NoPathToView(string view, ResourceModel resource) =>
        Misconfigured($"The resource '{resource.TypeName}' has no path to what the authorization strategy '{view}' is based on.");

    public static Denial NamespaceMismatch(bool isStored, IEnumerable<string> prefixes) => new(
        DenialKind.Forbidden,
        A + ":namespace:access-denied:namespace-mismatch",
        $"{D} The {(isStored ? "existing " : "")}'Namespace' value of the data does not start with any of the caller's associated namespace prefixes ({Quoted(prefixes)}).",
        []);

    public static Denial NamespaceAbsent(bool isStored) => isStored
        ? new(
            DenialKind.Forbidden,
            A + ":namespace:invalid-data:namespace-uninitialized",
            D + " The existing 'Namespace' value has not been assigned but is required for authorization purposes.",
            ["The existing resource item is inaccessible to clients using the 'NamespaceBased' authorization strategy because the 'Namespace' value has not been assigned."])
        : new(
            DenialKind.Forbidden,
            A + ":namespace:access-denied:namespace-required",
            D + " The 'Namespace' value has not been assigned but is required for authorization purposes.",
            []);

    /// <summary>No strategy's relationships are all there.</summary>
    /// <param name="names">The elements that fail, without repeats.</param>
    public static Denial NoRelationship(IReadOnlyList<string> names, IReadOnlyList<string> hints, IReadOnlyList<long> organizations) => new(
        DenialKind.Forbidden,
        A,
        D + Hints(hints),
        [$"No relationships have been established between the caller's education organization id {Claims(organizations)} and {names.Count switch
        {
            0 => "the requested resource.",
            1 => $"the resource item's '{names[0]}' value.",
            _ => $"one or more of the following properties of the resource item: {Quoted(names)}.",
        }}"]);

    public static Denial ElementAbsent(bool isStored, IReadOnlyList<string> names, IReadOnlyList<string> hints, IEnumerable<string> strategies)
    {
        var existing = isStored ? "existing " : "";
        var sentence = names.Count == 1
            ? $" The {existing}'{names[0]}' value is required for authorization purposes."
            : $" The {existing}values of one or more of the following properties are required for authorization purposes: {Quoted(names)}.";
        return new(
            DenialKind.Forbidden,
            isStored ? A + ":relationships:invalid-data:element-uninitialized" : A + ":relationships:access-denied:element-required",
            D + sentence + Hints(hints),
            isStored ? [.. strategies.Select(s => $"The existing resource item is inaccessible to clients using the '{s}' authorization strategy.")] : []);
    }

    public static Denial NotInView(bool isStored, IReadOnlyList<string> names, string hint) => new(
        DenialKind.Forbidden,
        A,
        $"{D} Hint: {hint}",
        [$"The caller is not authorized to perform the requested operation on the item based on the {(names.Count == 1
            ? $"{(isStored ? "existing" : "proposed")} value of the '{names[0]}' property of the item."
            : $"{(isStored ? "existing" : "proposed")} values of one or more of the following properties of the item: {Quoted(names)}.")}"]);

    public static Denial ViewElementAbsent(bool isStored, IReadOnlyList<string> names, string hint, string strategy)
    {
        var absent = ElementAbsent(isStored, names, [hint], [strategy]);
        return absent with { Type = isStored ? A + ":custom-view:invalid-data:element-uninitialized" : A + ":custom-view:access-denied:element-required" };
    }

    /// <summary>Ownership is configured and the feature is off.</summary>
    public static Denial OwnershipOff(ResourceModel resource, string operation) => new(DenialKind.NotImplemented, "", NotImplementedText(resource, operation), []);

    private static string NotImplementedText(ResourceModel resource, string operation)
    {
        var (action, effective, boundary, supported) = operation switch
        {
            "GET-many" => ("query", "GET-many", "GET-many relationship query execution boundary", "GET-many relationship"),
            "GET-by-id" => ("GET-by-id", "GET", "single-record relationship execution boundary", "single-record relationship"),
            "DELETE" => ("DELETE", "DELETE", "single-record relationship execution boundary", "single-record relationship"),
            "POST" => ("POST", "POST", "POST create-new relationship execution boundary", "POST create-new relationship"),
            _ => ("PUT", "PUT", "PUT relationship execution boundary", "PUT relationship"),
        };
        return $"Relational {action} authorization is not implemented for resource '{resource.Project}.{resource.TypeName}' when effective {effective} authorization includes strategies outside the current {boundary}. Unsupported strategies: ['OwnershipBased']. Supported {supported} strategies are 'RelationshipsWithEdOrgsOnly', 'RelationshipsWithEdOrgsOnlyInverted', 'RelationshipsWithEdOrgsAndPeople', 'RelationshipsWithEdOrgsAndPeopleInverted', 'RelationshipsWithPeopleOnly', 'RelationshipsWithStudentsOnly', 'RelationshipsWithStudentsOnlyThroughResponsibility', and 'NoFurtherAuthorizationRequired' as a no-op.";
    }

    private static Denial Misconfigured(string error) => new(
        DenialKind.Misconfigured,
        "system:configuration:security",
        "A security configuration problem was detected. The request cannot be authorized.",
        [error]);

    private static string Hints(IReadOnlyList<string> hints) => hints.Count == 0 ? "" : " Hint: " + string.Join(' ', hints);

    private static string Claims(IReadOnlyList<long> organizations) => organizations.Count switch
    {
        0 => "claims (none)",
        1 => $"claim ({Quoted([Id(organizations[0])])})",
        _ => $"claims ({Quoted(organizations.Take(OrganizationsShown).Select(Id))}{(organizations.Count > OrganizationsShown ? ", ..." : "")})",
    };

    private static string Id(long id) => id.ToString(CultureInfo.InvariantCulture);

    private static string Quoted(IEnumerable<string> names) => string.Join(", ", names.Select(n => $"'{n}'"));
}
