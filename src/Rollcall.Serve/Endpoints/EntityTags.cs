using System.Buffers;
using System.Buffers.Text;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;
using Rollcall.Serve.Storage;
using Rollcall.Standard.Documents;
using Rollcall.Standard.Model;

namespace Rollcall.Serve.Endpoints;

/// <summary>Entity tags: <c>{change version}-{schema epoch}.j._.l.i</c> (JSON, no profile, links, identity coding); a profile's code stands in the
/// place of the <c>_</c>.</summary>
/// <remarks>Preconditions of writes compare only the state, that is version and epoch; a read compares the whole tag.</remarks>
internal sealed class EntityTags
{
    /// <summary>Room for the longest tag: 20 digits, a dash, 8 hex digits and the variant with a profile.</summary>
    public const int MaxLength = 48;

    private static readonly SearchValues<char> LowerHex = SearchValues.Create("0123456789abcdef");

    private readonly string _epoch;
    private readonly string _variant;
    private readonly byte[] _suffix;

    /// <param name="compatibility">Whose dates go with the tags.</param>
    public EntityTags(DataStandard standard, Compatibility compatibility = Compatibility.Default)
        : this(EpochOf(standard), "_", compatibility == Compatibility.Dms)
    {
    }

    private EntityTags(string epoch, string profile, bool hasWholeSeconds)
    {
        _epoch = epoch;
        HasWholeSeconds = hasWholeSeconds;
        _variant = $".j.{profile}.l.i";
        _suffix = Encoding.ASCII.GetBytes($"-{epoch}{_variant}");
    }

    /// <summary>The tags of what is read or written through a profile.</summary>
    /// <param name="code">8 hex digits.</param>
    public EntityTags ForProfile(string code) => new(_epoch, code, HasWholeSeconds);

    /// <summary>Whether <c>_lastModifiedDate</c>, which stands beside the tag, is cut to whole seconds, as DMS has it.</summary>
    public bool HasWholeSeconds { get; }

    /// <summary>The tag without quotes, as <c>_etag</c> carries it.</summary>
    public string Format(long changeVersion) => string.Create(CultureInfo.InvariantCulture, $"{changeVersion}-{_epoch}{_variant}");

    /// <summary>The quoted tag of the ETag header.</summary>
    public string Header(long changeVersion) => string.Create(CultureInfo.InvariantCulture, $"\"{changeVersion}-{_epoch}{_variant}\"");

    /// <summary>Writes the tag without quotes.</summary>
    /// <returns>The number of bytes written.</returns>
    public int Write(long changeVersion, Span<byte> destination)
    {
        Utf8Formatter.TryFormat(changeVersion, destination, out var written);
        _suffix.CopyTo(destination[written..]);
        return written + _suffix.Length;
    }

    /// <summary>What If-Match and If-None-Match of a write ask for. With both present If-Match alone counts.</summary>
    public Precondition ReadPrecondition(IHeaderDictionary headers)
    {
        var ifMatch = headers.IfMatch;
        if (ifMatch.Count > 0)
        {
            var text = ifMatch.ToString().AsSpan().Trim();
            return text is "*" ? new Precondition(null, true, null, false)
                : new Precondition(TryParse(Unquote(text), out var version) ? version : -1, false, null, false);
        }

        var ifNoneMatch = headers.IfNoneMatch;
        if (ifNoneMatch.Count == 0)
        {
            return Precondition.None;
        }

        if (ifNoneMatch.ToString().AsSpan().Trim() is "*")
        {
            return new Precondition(null, false, null, true);
        }

        var versions = new List<long>();
        foreach (var tag in ifNoneMatch.ToString().Split(','))
        {
            if (TryParse(Unquote(WithoutWeakness(tag.AsSpan().Trim())), out var version))
            {
                versions.Add(version);
            }
        }

        return versions.Count == 0 ? Precondition.None : new Precondition(null, false, versions, false);
    }

    /// <summary>Whether the If-None-Match of a read names this representation, so that it need not be sent again.</summary>
    public bool IsKnown(StringValues ifNoneMatch, long changeVersion)
    {
        if (ifNoneMatch.Count == 0)
        {
            return false;
        }

        // A star stands alone, as for writes; in a list it is a tag like any other.
        if (ifNoneMatch.ToString().AsSpan().Trim() is "*")
        {
            return true;
        }

        var current = Format(changeVersion);
        foreach (var header in ifNoneMatch)
        {
            foreach (var range in header.AsSpan().Split(','))
            {
                var tag = header.AsSpan()[range].Trim();
                if (Unquote(WithoutWeakness(tag)).SequenceEqual(current))
                {
                    return true;
                }
            }
        }

        return false;
    }

    private bool TryParse(ReadOnlySpan<char> tag, out long version)
    {
        version = 0;
        var dash = tag.IndexOf('-');
        // As it is written: a number with zeros before it is another text.
        return dash > 0 && (tag[0] != '0' || dash == 1)
            && long.TryParse(tag[..dash], NumberStyles.None, CultureInfo.InvariantCulture, out version)
            && tag[(dash + 1)..].StartsWith(_epoch, StringComparison.Ordinal)
            && IsVariant(tag[(dash + 1 + _epoch.Length)..]);
    }

    /// <summary><c>.j.</c>, no profile or the profile's 8 hex digits, links or none, and a content coding.</summary>
    private static bool IsVariant(ReadOnlySpan<char> variant)
    {
        if (!variant.StartsWith(".j.", StringComparison.Ordinal))
        {
            return false;
        }

        var rest = variant[3..];
        var profile = rest.IndexOf('.');
        return profile >= 0
            && (rest[..profile] is "_" || (profile == 8 && !rest[..profile].ContainsAnyExcept(LowerHex)))
            && rest[profile..] is ['.', 'l' or 'n', '.', 'i' or 'b' or 'g'];
    }

    private static ReadOnlySpan<char> Unquote(ReadOnlySpan<char> tag) => tag is ['"', .. var inner, '"'] ? inner : tag;

    private static ReadOnlySpan<char> WithoutWeakness(ReadOnlySpan<char> tag) =>
        tag.StartsWith("W/", StringComparison.Ordinal) ? tag[2..] : tag;

    /// <summary>Changes with the model, so that a tag from before an upgrade of the standard never matches.</summary>
    private static string EpochOf(DataStandard standard)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var project in standard.Projects)
        {
            hash.AppendData(Encoding.UTF8.GetBytes($"{project.Name} {project.Version}\n"));
        }

        foreach (var resource in standard.Resources)
        {
            hash.AppendData(Encoding.UTF8.GetBytes($"{resource.Name}\n"));
            Append(resource.Root);
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset())[..8];

        void Append(ObjectModel members)
        {
            for (var i = 0; i < members.Properties.Length; i++)
            {
                hash.AppendData(members.NamesUtf8[i]);
                hash.AppendData([(byte)members.Properties[i].Type]);
                if (members.Properties[i].Members is { } inner)
                {
                    Append(inner);
                }
            }
        }
    }
}
