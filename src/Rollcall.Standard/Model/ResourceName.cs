namespace Rollcall.Standard.Model;

/// <summary>A resource's name on the wire: the namespace segment and the plural endpoint, as in <c>ed-fi/students</c>.</summary>
/// <param name="Namespace">The namespace segment of the URL, for example <c>ed-fi</c>.</param>
/// <param name="Endpoint">The plural endpoint segment of the URL, for example <c>students</c>.</param>
public readonly record struct ResourceName(string Namespace, string Endpoint)
{
    /// <summary>The path below the data base, <c>/ed-fi/students</c>; also how dependency lists name a resource.</summary>
    public string Path => $"/{Namespace}/{Endpoint}";

    /// <summary>Whether the resource is one of descriptors, as far as its name tells: for those who have no model of the API at hand.</summary>
    public bool NamesDescriptors => Endpoint.EndsWith("Descriptors", StringComparison.OrdinalIgnoreCase);

    /// <summary>Reads <c>/ed-fi/students</c>, <c>ed-fi/students</c> or, for the core, <c>students</c>; null when it is none of these.</summary>
    public static ResourceName? TryParse(string text)
    {
        var parts = text.Trim().Trim('/').Split('/');
        return parts switch
        {
            [{ Length: > 0 } endpoint] => new ResourceName("ed-fi", endpoint),
            [{ Length: > 0 } ns, { Length: > 0 } endpoint] => new ResourceName(ns, endpoint),
            _ => null,
        };
    }

    public override string ToString() => $"{Namespace}/{Endpoint}";
}
