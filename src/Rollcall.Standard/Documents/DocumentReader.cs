using Rollcall.Standard.Documents.Reading;
using Rollcall.Standard.Model;

namespace Rollcall.Standard.Documents;

/// <summary>The compiled reader of one resource.</summary>
public sealed class DocumentReader
{
    private readonly CompiledResource _resource;

    private DocumentReader(CompiledResource resource) => _resource = resource;

    /// <summary>Compiles the rules of <paramref name="resource"/> once; the reader may be used by many threads.</summary>
    /// <param name="isOptional">Says of a member's path (<c>$.addresses[*].city</c>) that it may be missing although the standard requires it; null for none.</param>
    public static DocumentReader For(
        ResourceModel resource, DataStandard standard, Compatibility compatibility = Compatibility.Default, Predicate<string>? isOptional = null) =>
        new(new CompiledResource(resource, standard, compatibility, isOptional));

    /// <summary>Reads one body in a single pass.</summary>
    /// <param name="descriptors">The descriptors that exist; null to take every well-formed descriptor value as it stands.</param>
    /// <param name="pathId">The id in the URL; needed for <see cref="ReadPurpose.Replace"/> only.</param>
    public ReadResult Read(ReadOnlyMemory<byte> body, ReadPurpose purpose, DescriptorSet? descriptors, Guid? pathId = null)
    {
        var json = body.Span;
        if (json.StartsWith(ByteOrderMark))
        {
            json = json[ByteOrderMark.Length..];
        }

        var work = Workspace.Rent();
        try
        {
            // 1. Scan: JSON, the types, texts and numbers of every member, and what is missing.
            var scanner = new BodyScanner(json, work, purpose, pathId, _resource.Compatibility);
            scanner.Scan(_resource.Root);
            if (scanner.MayHoldDuplicates)
            {
                DuplicateMembers.Check(json, work.Faults);
            }

            // 2. Rules between members; each runs only when everything before it is clean.
            work.IndexRoot(_resource.Root.Members.Length);
            var parsed = new ParsedBody(json, work);
            if (work.Faults.IsEmpty && purpose != ReadPurpose.Stored)
            {
                EqualityRule.Check(_resource, parsed);
            }

            if (work.Faults.IsEmpty && purpose != ReadPurpose.Stored)
            {
                UniqueItemsRule.Check(_resource, parsed);
            }

            // 3. The canonical form, and what storage needs to know.
            return work.Faults.IsEmpty
                ? new ReadResult(DocumentBuilder.Build(_resource, parsed, descriptors), [])
                : new ReadResult(null, work.Faults.ToArray());
        }
        finally
        {
            work.Return();
        }
    }

    private static ReadOnlySpan<byte> ByteOrderMark => [0xEF, 0xBB, 0xBF];
}
