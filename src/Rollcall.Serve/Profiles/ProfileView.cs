using System.Text.Json;
using System.Text.Json.Nodes;
using Rollcall.Serve.Endpoints;
using Rollcall.Serve.Storage;
using Rollcall.Standard.Documents;
using Rollcall.Standard.Model;

namespace Rollcall.Serve.Profiles;

/// <summary>A request's look at a resource through a profile: in one direction, with the tags and the media type that go with it.</summary>
internal sealed class ProfileView
{
    private readonly ProfiledResource _resource;

    private ProfileView(CompiledProfile profile, ProfiledResource resource, EntityTags tags, string mediaType)
    {
        Profile = profile;
        _resource = resource;
        Tags = tags;
        MediaType = mediaType;
    }

    public CompiledProfile Profile { get; }

    public EntityTags Tags { get; }

    public string MediaType { get; }

    /// <summary>What may be written.</summary>
    public ObjectShape WriteShape => _resource.Write!;

    /// <param name="profile">Covers the resource in this direction.</param>
    public static ProfileView Of(CompiledProfile profile, ResourceModel resource, bool isRead, EntityTags tags) =>
        new(profile, profile.Resources[resource.Index], tags.ForProfile(profile.Code), profile.MediaType(resource, isRead));

    /// <inheritdoc cref="ProfiledResource.HidesOnRead"/>
    public bool HidesOnRead(QueryField field) => _resource.HidesOnRead(field);

    /// <summary>Cuts down what goes to another sink.</summary>
    public IDocumentSink Over(IDocumentSink sink) => _resource.Read!.Hides ? new ShapedSink(sink, _resource.Read) : sink;

    /// <summary>What is wrong with a body as JSON, members that it has twice included; null when nothing is.</summary>
    public static IReadOnlyList<Fault>? FaultsOfForm(ServedResource resource, ReadOnlyMemory<byte> body) =>
        resource.Reader.Read(body, ReadPurpose.Item, null).Faults is [{ Phase: FaultPhase.Json or FaultPhase.DuplicateMember }, ..] faults ? faults : null;

    /// <summary>Reads a body without what the profile hides of it.</summary>
    public ReadResult Read(ServedResource resource, ReadOnlyMemory<byte> body, ReadPurpose purpose, DescriptorSet descriptors, Guid? id)
    {
        // What is hidden is cut away below, but twice it may not be there either.
        if (FaultsOfForm(resource, body) is { } faults)
        {
            return new ReadResult(null, faults);
        }

        ShapedDocument shaped;
        try
        {
            shaped = ShapedBytes.Write(WithoutMark(body.Span), WriteShape);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // No JSON, or a name that is no text (not UTF-8, half a surrogate pair): the reader, which reads every name, says so in its own words.
            return resource.Reader.Read(body, purpose, descriptors, id);
        }

        using (shaped)
        {
            return _resource.ReaderOf(resource).Read(shaped.Memory, purpose, descriptors, id);
        }
    }

    /// <summary>Paths of the submitted items that a filter does not accept.</summary>
    public IReadOnlyList<string> FilteredItems(Document document)
    {
        var paths = new List<string>();
        if (WriteShape.Hides)
        {
            Find(JsonNode.Parse(document.Body.Span), WriteShape, "$", paths);
        }

        return paths;
    }

    private static void Find(JsonNode? value, ObjectShape shape, string path, List<string> paths)
    {
        if (value is not JsonObject members)
        {
            return;
        }

        for (var i = 0; i < shape.Members.Length; i++)
        {
            var member = shape.Members[i];
            var name = shape.Model.Properties[i].Name;
            if (member.Visibility == Visibility.Object)
            {
                Find(members[name], member.Inner!, $"{path}.{name}", paths);
            }
            else if (member.Visibility == Visibility.Collection && members[name] is JsonArray items)
            {
                for (var at = 0; at < items.Count; at++)
                {
                    var itemPath = string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{path}.{name}[{at}]");
                    if (member.Filter?.Accepts(items[at]) == false)
                    {
                        paths.Add(itemPath);
                    }

                    Find(items[at], member.Inner!, itemPath, paths);
                }
            }
        }
    }

    private static ReadOnlySpan<byte> WithoutMark(ReadOnlySpan<byte> body) => body.StartsWith("\uFEFF"u8) ? body[3..] : body;

    private sealed class ShapedSink(IDocumentSink inner, ObjectShape shape) : IDocumentSink
    {
        public void Begin(long? totalCount) => inner.Begin(totalCount);

        public void Add(in StoredDocument document)
        {
            using var shaped = ShapedBytes.Read(document.Body, shape);
            inner.Add(new StoredDocument(shaped.Span, document.Id, document.RowId, document.ChangeVersion, document.LastModified));
        }
    }
}
