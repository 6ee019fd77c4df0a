using Rollcall.Standard.Documents;
using Rollcall.Standard.Model;

namespace Rollcall.Serve.Storage;

/// <summary>Makes the document of a stored body again, after a key in it has changed.</summary>
/// <remarks>What it must have was judged when it was written, perhaps in the other <see cref="Compatibility"/>, which requires less: here every member is
/// optional.</remarks>
internal sealed class StoredReader(DataStandard standard)
{
    private readonly DocumentReader?[] _readers = new DocumentReader?[standard.Resources.Length];

    /// <exception cref="InvalidDataException">The body breaks a rule of the standard: it was stored under another one.</exception>
    public Document Read(ResourceModel resource, byte[] body, DescriptorSet descriptors)
    {
        var reader = _readers[resource.Index] ??= DocumentReader.For(resource, standard, isOptional: static _ => true);
        var read = reader.Read(body, ReadPurpose.Stored, descriptors);
        return read.Document
            ?? throw new InvalidDataException($"A stored document of {resource} is not valid with a changed key in it: {read.Faults[0].Phase} at {read.Faults[0].Path}.");
    }
}
