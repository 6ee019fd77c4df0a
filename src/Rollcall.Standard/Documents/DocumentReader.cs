using Rollcall.Standard.Model;

namespace Rollcall.Standard.Documents;

/// <summary>The compiled reader of one resource.</summary>
public sealed class DocumentReader
{
    private readonly ResourceModel _resource;

    private DocumentReader(ResourceModel resource) => _resource = resource;

    /// <summary>Compiles the rules of <paramref name="resource"/> once; the reader may be used by many threads.</summary>
    public static DocumentReader For(ResourceModel resource, DataStandard standard) => new(resource);

    /// <summary>Reads one body in a single pass.</summary>
    /// <param name="descriptors">The descriptors that exist; null to take every well-formed descriptor value as it stands.</param>
    /// <param name="pathId">The id in the URL; needed for <see cref="ReadPurpose.Replace"/> only.</param>
    public ReadResult Read(ReadOnlyMemory<byte> body, ReadPurpose purpose, DescriptorSet? descriptors, Guid? pathId = null) =>
        throw new NotSupportedException($"{_resource} {purpose} {descriptors} {pathId} {body.Length}");
}
