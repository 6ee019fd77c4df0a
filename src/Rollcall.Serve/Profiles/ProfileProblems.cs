using Rollcall.Serve.Endpoints;
using Rollcall.Standard.Model;

namespace Rollcall.Serve.Profiles;

/// <summary>The failures of profiles, to the letter of <c>ed-fi-api-security.md</c> 7.2 to 7.4.</summary>
internal static class ProfileProblems
{
    private const string Usage = "The request construction was invalid with respect to usage of a data policy.";

    public static Problem MalformedHeader() => Invalid(400, Usage, "The format of the profile-based content type header was invalid.");

    public static Problem OtherResource(string named, ResourceModel resource) => Invalid(
        400, Usage, $"The resource specified by the profile-based content type ('{named}') does not match the requested resource ('{resource.TypeName}').");

    public static Problem OtherUsage(bool isReadable, string method) => Invalid(
        400, Usage, $"A profile-based content type that is {(isReadable ? "readable" : "writable")} cannot be used with {method} requests.");

    public static Problem NotContained(ResourceModel resource, string profile) => Invalid(
        400,
        Usage + " The resource is not contained by the profile used by (or applied to) the request.",
        $"Resource '{resource.TypeName}' is not accessible through the '{profile}' profile specified by the content type.");

    public static Problem UnknownProfile(string profile, bool isRead) => Invalid(
        isRead ? 406 : 415,
        Usage,
        $"The profile '{profile}' specified by the content type in the '{(isRead ? "Accept" : "Content-Type")}' header is not supported by this host.");

    public static Problem NoContentType(ResourceModel resource, string profile, bool isRead)
    {
        var what = isRead ? "readable" : "writable";
        return new Problem(
            405,
            "urn:ed-fi:api:profile:method-usage",
            "Method Not Allowed with Profile",
            $"{Usage} An attempt was made to access a resource that is not {what} using the profile.",
            [$"Resource class '{resource.TypeName}' is not {what} using API profile '{profile}'."],
            null)
        {
            IsProblemJson = true,
            Allow = isRead ? "POST, PUT, DELETE" : "GET, DELETE",
        };
    }

    public static Problem IncorrectUsage(IReadOnlyList<CompiledProfile> covering, ResourceModel resource, bool isRead) => new(
        403,
        "urn:ed-fi:api:security:data-policy:incorrect-usage",
        "Data Policy Failure Due to Incorrect Usage",
        "A data policy failure was encountered. The request was not constructed correctly for the data policy that has been applied to this data for the caller.",
        [$"Based on profile assignments, one of the following profile-specific content types is required when requesting this resource: {string.Join(", ", covering.Select(p => $"'{p.MediaType(resource, isRead)}'"))}"],
        []);

    public static Problem Enforced(CompiledProfile profile) => new(
        400,
        "urn:ed-fi:api:data-policy-enforced",
        "Data Policy Enforced",
        "The data cannot be saved because a data policy has been applied to the request that prevents it.",
        [$"The Profile definition for '{profile.Name}' excludes (or does not include) one or more required data elements needed to create the resource."],
        []);

    /// <param name="paths">Of the items, <c>$.gradeLevels[1]</c>.</param>
    public static Problem Filtered(IReadOnlyList<string> paths)
    {
        const string text = "Submitted collection item failed the writable profile value filter.";
        return new Problem(
            400,
            "urn:ed-fi:api:bad-request:data-validation-failed",
            "Data Validation Failed",
            "The request data failed validation against the assigned profile. See 'validationErrors' for details.",
            [text],
            [.. paths.Select(p => KeyValuePair.Create(p, (IReadOnlyList<string>)[text]))]);
    }

    /// <summary>The reference leaves <c>validationErrors</c> out of these.</summary>
    private static Problem Invalid(int status, string detail, string error) =>
        new(status, "urn:ed-fi:api:profile:invalid-profile-usage", "Invalid Profile Usage", detail, [error], null) { IsProblemJson = true };
}
