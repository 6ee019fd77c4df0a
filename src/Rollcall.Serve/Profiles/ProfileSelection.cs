using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;
using Rollcall.Serve.Endpoints;
using Rollcall.Standard.Model;

namespace Rollcall.Serve.Profiles;

/// <summary>Which profile a request goes through: the one that its header names, the one that the caller was given, or none.</summary>
/// <param name="Profile">Null when the whole resource is served.</param>
/// <param name="Problem">What is wrong with the header; nothing is served then.</param>
internal readonly record struct ProfileSelection(CompiledProfile? Profile, Problem? Problem)
{
    private const string Prefix = "application/vnd.ed-fi.";

    /// <summary>Whether the header names a profile, rightly or wrongly.</summary>
    public static bool IsProfile(StringValues header) =>
        header.Count > 0 && header[0] is { } first && first.AsSpan().TrimStart().StartsWith(Prefix, StringComparison.OrdinalIgnoreCase);

    /// <param name="method">GET, POST or PUT.</param>
    /// <param name="header">Accept of a GET, Content-Type of a write.</param>
    /// <param name="assigned">Names of the caller's profiles; one that is not usable counts for nothing.</param>
    public static ProfileSelection Select(ProfileSet profiles, IReadOnlyList<string> assigned, ResourceModel resource, string method, StringValues header)
    {
        var isRead = HttpMethods.IsGet(method);
        var isNamed = IsProfile(header);
        if (!isNamed && assigned.Count == 0)
        {
            return default;
        }

        var covering = new List<CompiledProfile>();
        foreach (var name in assigned)
        {
            if (profiles.Find(name) is { } profile && profile.Covers(resource, isRead) && !covering.Contains(profile))
            {
                covering.Add(profile);
            }
        }

        return isNamed ? Named(header[0]!.Trim(), profiles, assigned, covering, resource, method, isRead)
            : covering.Count > 1 ? Refused(ProfileProblems.IncorrectUsage(covering, resource, isRead))
            : new ProfileSelection(covering.FirstOrDefault(), null);
    }

    private static ProfileSelection Named(
        string header, ProfileSet profiles, IReadOnlyList<string> assigned, List<CompiledProfile> covering, ResourceModel resource, string method, bool isRead)
    {
        // The order of these checks is that of 7.2.
        if (Parse(header) is not { } parts)
        {
            return Refused(ProfileProblems.MalformedHeader());
        }

        var (resourceName, profileName, isReadable) = parts;
        if (profiles.Find(profileName) is not { } profile)
        {
            return Refused(ProfileProblems.UnknownProfile(profileName, isRead));
        }

        if (covering.Count > 0 && !assigned.Contains(profileName, StringComparer.OrdinalIgnoreCase))
        {
            return Refused(ProfileProblems.IncorrectUsage(covering, resource, isRead));
        }

        if (!resourceName.Equals(resource.TypeName, StringComparison.OrdinalIgnoreCase))
        {
            return Refused(ProfileProblems.OtherResource(resourceName, resource));
        }

        if (isReadable != isRead)
        {
            return Refused(ProfileProblems.OtherUsage(isReadable, method));
        }

        if (!profile.Resources.ContainsKey(resource.Index))
        {
            return Refused(covering.Count > 0
                ? ProfileProblems.IncorrectUsage(covering, resource, isRead)
                : ProfileProblems.NotContained(resource, profileName));
        }

        return profile.Covers(resource, isRead)
            ? new ProfileSelection(profile, null)
            : Refused(ProfileProblems.NoContentType(resource, profileName, isRead));
    }

    private static ProfileSelection Refused(Problem problem) => new(null, problem);

    /// <summary><c>application/vnd.ed-fi.{resource}.{profile}.readable+json</c>; parameters behind it are ignored.</summary>
    private static (string Resource, string Profile, bool IsReadable)? Parse(string header)
    {
        var end = header.IndexOf(';', StringComparison.Ordinal);
        var type = (end < 0 ? header : header[..end]).TrimEnd();
        return type[Prefix.Length..].Split('.') is [var resource, var profile, var usage]
            && IsName(resource, false) && IsName(profile, true)
            && (usage.Equals("readable+json", StringComparison.OrdinalIgnoreCase) || usage.Equals("writable+json", StringComparison.OrdinalIgnoreCase))
            ? (resource, profile, char.ToLowerInvariant(usage[0]) == 'r')
            : null;
    }

    private static bool IsName(string text, bool withHyphens) =>
        text.Length > 0 && char.IsAsciiLetter(text[0]) && text.All(c => char.IsAsciiLetterOrDigit(c) || (withHyphens && c == '-'));
}
