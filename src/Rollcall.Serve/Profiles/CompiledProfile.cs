using System.Collections.Frozen;
using System.Security.Cryptography;
using System.Text;
using Rollcall.Serve.Endpoints;
using Rollcall.Standard.Documents;
using Rollcall.Standard.Model;

namespace Rollcall.Serve.Profiles;

/// <summary>A profile whose every rule is known to mean something, ready to be applied.</summary>
/// <param name="Resources">By <see cref="ResourceModel.Index"/>.</param>
internal sealed record CompiledProfile(string Name, FrozenDictionary<int, ProfiledResource> Resources)
{
    /// <summary>What entity tags say of the profile: 8 hex digits.</summary>
    public string Code { get; } = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Name)))[..8];

    public bool Covers(ResourceModel resource, bool isRead) =>
        Resources.TryGetValue(resource.Index, out var rule) && (isRead ? rule.Read : rule.Write) is not null;

    /// <summary>The media type of a resource through this profile: <c>application/vnd.ed-fi.school.name.readable+json</c>.</summary>
    public string MediaType(ResourceModel resource, bool isRead) =>
        $"application/vnd.ed-fi.{resource.TypeName}.{Name}.{(isRead ? "readable" : "writable")}+json".ToLowerInvariant();
}

/// <summary>One resource through a profile.</summary>
internal sealed class ProfiledResource(ResourceModel model, ObjectShape? read, ObjectShape? write)
{
    private DocumentReader? _reader;

    public ResourceModel Model { get; } = model;

    /// <summary>Null when it can't be read.</summary>
    public ObjectShape? Read { get; } = read;

    /// <summary>Null when it can't be written.</summary>
    public ObjectShape? Write { get; } = write;

    /// <summary>Whether a reader is shown no member that the field asks for: who may not see a value may not find it out by asking either.</summary>
    public bool HidesOnRead(QueryField field) => field.Paths.All(p => Read!.IsHidden(p.Text));

    /// <summary>Reads submitted bodies: what is hidden can't be missing from them.</summary>
    public DocumentReader ReaderOf(ServedResource resource) => _reader ??= resource.ReaderWith(Write!.IsHidden);
}
