namespace Rollcall.Serve;

/// <summary>A tenant: clients of its own, and the instances that they may be let into.</summary>
/// <param name="Name">The first segment of its addresses; compared without letter case. Empty on a server without tenants.</param>
/// <param name="Database">Where its clients are kept; empty to keep them in the first instance's database.</param>
public sealed record TenantOptions(string Name, string Database, IReadOnlyList<InstanceOptions> Instances)
{
    public const int NameLengthMax = 256;

    /// <summary>Whether the text can be a tenant's name: letters, digits, hyphens and underscores.</summary>
    public static bool IsName(ReadOnlySpan<char> text)
    {
        foreach (var c in text)
        {
            if (!char.IsAsciiLetterOrDigit(c) && c is not ('-' or '_'))
            {
                return false;
            }
        }

        return text.Length is > 0 and <= NameLengthMax;
    }
}
