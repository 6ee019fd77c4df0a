using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Rollcall.Standard.Keys;

namespace Rollcall.Serve.Authorization;

/// <summary>What a caller may claim: made once per token and version of its client, used by every request.</summary>
public sealed class CallerClaims
{
    private readonly HashSet<long> _organizations;

    public CallerClaims(IEnumerable<long> organizations, IEnumerable<string> namespacePrefixes, IEnumerable<long>? ownershipTokens = null)
    {
        OwnershipTokens = [.. (ownershipTokens ?? []).Distinct().Select(t => t.ToString(CultureInfo.InvariantCulture))];
        OwnershipTokensJson = $"[{string.Join(',', OwnershipTokens.Select(t => $"\"{t}\""))}]";
        _organizations = [.. organizations];
        Organizations = [.. _organizations.Order()];
        NamespacePrefixes = [.. namespacePrefixes.Select(p => p.Trim()).Where(p => p.Length > 0)];
        FoldedPrefixes = [.. NamespacePrefixes.Select(Fold.Text)];
        OrganizationsJson = $"[{string.Join(',', Organizations)}]";
        PrefixesJson = $"[{string.Join(',', FoldedPrefixes.Select(p => JsonSerializer.Serialize(p, ClaimsJsonContext.Default.String)))}]";
    }

    /// <summary>Distinct, ascending.</summary>
    public long[] Organizations { get; }

    /// <summary>As configured, trimmed.</summary>
    public string[] NamespacePrefixes { get; }

    /// <summary>The prefixes in the form in which stored text is compared.</summary>
    public string[] FoldedPrefixes { get; }

    /// <summary>The organizations as a JSON array: one parameter of a statement.</summary>
    public string OrganizationsJson { get; }

    /// <summary>The folded prefixes as a JSON array.</summary>
    public string PrefixesJson { get; }

    /// <summary>As they stand beside documents.</summary>
    public string[] OwnershipTokens { get; }

    /// <summary>The ownership tokens as a JSON array.</summary>
    public string OwnershipTokensJson { get; }

    public bool Has(long organization) => _organizations.Contains(organization);

    /// <summary>Literally: no character of a prefix has a meaning.</summary>
    public bool CoversNamespace(string folded)
    {
        foreach (var prefix in FoldedPrefixes)
        {
            if (folded.StartsWith(prefix, StringComparison.Ordinal))
            {
                return true;
            }
        }

        return false;
    }
}

[JsonSerializable(typeof(string))]
internal sealed partial class ClaimsJsonContext : JsonSerializerContext;
