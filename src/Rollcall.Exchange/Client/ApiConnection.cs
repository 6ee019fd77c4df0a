namespace Rollcall.Exchange.Client;

/// <summary>Where an Ed-Fi API is and who we are there.</summary>
/// <param name="Url">The base address, without <c>data/v3</c>; a missing final slash is added.</param>
/// <param name="Key">The client's key, already resolved (see <see cref="SecretText"/>).</param>
/// <param name="Secret">The client's secret, already resolved; never shown.</param>
public sealed record ApiConnection(Uri Url, string Key, string Secret)
{
    /// <summary>The base address with its final slash.</summary>
    public Uri Url { get; } = Url.AbsoluteUri.EndsWith('/') ? Url : new Uri(Url.AbsoluteUri + "/");

    /// <summary>The token endpoint; null to take it from the API's own description.</summary>
    public Uri? AuthUrl { get; init; }

    /// <summary>The one education organization that the token is narrowed to; null for all that the client has.</summary>
    public string? Scope { get; init; }

    /// <summary>The year of a year-specific deployment: addresses become <c>data/v3/{year}</c>; null for the usual ones.</summary>
    public int? SchoolYear { get; init; }

    /// <summary>The profile by which documents are read and created; null for none.</summary>
    public string? ProfileName { get; init; }

    /// <summary>Without key and secret, so that a connection can be shown.</summary>
    public override string ToString() => Url.AbsoluteUri;
}
