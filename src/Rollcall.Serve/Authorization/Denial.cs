namespace Rollcall.Serve.Authorization;

/// <summary>Of what nature a refusal is; the endpoints choose the status by it.</summary>
public enum DenialKind
{
    /// <summary>The caller may not.</summary>
    Forbidden,

    /// <summary>The rights are configured so that nobody can tell.</summary>
    Misconfigured,

    /// <summary>The rights need a feature that is switched off.</summary>
    NotImplemented,

    /// <summary>The database lacks something that the rights name.</summary>
    Broken,
}

/// <summary>Why a request is refused, in the words of <c>ed-fi-api-security.md</c> 8.6 and 8.7. Holds no value of a document.</summary>
/// <param name="Type">What follows <c>urn:ed-fi:api:</c>.</param>
public sealed record Denial(DenialKind Kind, string Type, string Detail, IReadOnlyList<string> Errors);
