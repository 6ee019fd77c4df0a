using System.Text;
using Rollcall.Standard.Documents;
using Rollcall.Standard.Model;

namespace Rollcall.Serve.Storage;

/// <summary>Puts <c>"link":{"rel":"School","href":"/ed-fi/schools/{id}"}</c> into each reference of a canonical body, so that
/// what is stored is what GET returns.</summary>
public sealed class LinkSplicer(DataStandard standard)
{
    private const int IdLength = 36;
    private static readonly byte[] End = "\"}"u8.ToArray();

    /// <summary><c>,"link":{"rel":"School","href":"/ed-fi/schools/</c> of each resource, by its index.</summary>
    private readonly byte[][] _starts =
        [.. standard.Resources.Select(r => Encoding.UTF8.GetBytes($$""","link":{"rel":"{{r.TypeName}}","href":"{{r.Name.Path}}/"""))];

    /// <summary>How long the spliced body is.</summary>
    /// <param name="targets">Parallel to <see cref="Document.References"/>; none is missing.</param>
    public int LengthOf(Document document, ReadOnlySpan<ReferenceTarget> targets)
    {
        var length = document.Body.Length;
        foreach (var target in targets)
        {
            length += _starts[target.Resource.Index].Length + IdLength + End.Length;
        }

        return length;
    }

    /// <summary>Writes the spliced body.</summary>
    /// <param name="destination">At least <see cref="LengthOf"/> bytes.</param>
    /// <returns>The number of bytes written.</returns>
    public int Write(Document document, ReadOnlySpan<ReferenceTarget> targets, Span<byte> destination)
    {
        var body = document.Body.Span;
        var from = 0;
        var to = 0;
        for (var i = 0; i < targets.Length; i++)
        {
            var until = document.References[i].BodyEnd;
            if (until < from || body[until] != (byte)'}')
            {
                throw new ArgumentException($"References of {document.Resource} are not in document order or point at no closing brace.", nameof(document));
            }

            to += Append(body[from..until], destination[to..]);
            to += Append(_starts[targets[i].Resource.Index], destination[to..]);
            targets[i].Id.TryFormat(destination[to..], out var written);
            to += written;
            to += Append(End, destination[to..]);
            from = until;
        }

        return to + Append(body[from..], destination[to..]);
    }

    public byte[] Splice(Document document, ReadOnlySpan<ReferenceTarget> targets)
    {
        var spliced = new byte[LengthOf(document, targets)];
        Write(document, targets, spliced);
        return spliced;
    }

    private static int Append(ReadOnlySpan<byte> bytes, Span<byte> destination)
    {
        bytes.CopyTo(destination);
        return bytes.Length;
    }
}
