using System.Text.Json;
using Rollcall.Exchange.Delivery;

namespace Rollcall.Exchange.Publish;

/// <summary>Takes out of a document what its API put in, and leaves every other byte as it is: no number, date or spelling changes.</summary>
/// <remarks>Taken out are the root's <c>id</c>, <c>_etag</c> and <c>_lastModifiedDate</c>, and in members named <c>…Reference</c>, at any depth,
/// a <c>link</c> that is an object of <c>rel</c> and <c>href</c>.</remarks>
public static class Clean
{
    private static readonly JsonReaderOptions _options = new() { MaxDepth = 128 };

    /// <summary>Splits a page into its documents, cleaned; each has its id from the page, and its position as tag.</summary>
    /// <param name="firstTag">The first document's tag.</param>
    /// <exception cref="JsonException">The page is not an array of objects.</exception>
    /// <param name="isWhole">Take nothing out.</param>
    public static void SplitPage(ReadOnlySpan<byte> page, long firstTag, List<OutgoingDocument> documents, bool isWhole = false)
    {
        var reader = new Utf8JsonReader(page, _options);
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartArray)
        {
            throw new JsonException("the page is not an array");
        }

        var cuts = new List<Cut>();
        while (reader.Read() && reader.TokenType == JsonTokenType.StartObject)
        {
            cuts.Clear();
            var start = (int)reader.TokenStartIndex;
            var id = Object(ref reader, isRoot: true, isReference: false, cuts);
            if (isWhole)
            {
                cuts.Clear();
            }

            documents.Add(new OutgoingDocument(WriteKind.Upsert, Copy(page, start, (int)reader.BytesConsumed, cuts), firstTag + documents.Count, id));
        }

        if (reader.TokenType != JsonTokenType.EndArray)
        {
            throw new JsonException("the page holds something that is no object");
        }

        if (reader.Read())
        {
            throw new JsonException("something follows the page");
        }
    }

    /// <summary>Cleans one document.</summary>
    public static byte[] Strip(ReadOnlySpan<byte> document)
    {
        var reader = new Utf8JsonReader(document, _options);
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
        {
            throw new JsonException("the document is not an object");
        }

        var cuts = new List<Cut>();
        var start = (int)reader.TokenStartIndex;
        Object(ref reader, isRoot: true, isReference: false, cuts);
        return Copy(document, start, (int)reader.BytesConsumed, cuts);
    }

    /// <summary>Notes what is to be cut out of the object that the reader stands on, and leaves the reader on its end.</summary>
    private static Guid Object(ref Utf8JsonReader reader, bool isRoot, bool isReference, List<Cut> cuts)
    {
        Guid id = default;
        var keptTo = -1;
        var cutFirst = false;
        var open = (int)reader.BytesConsumed;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var nameAt = (int)reader.TokenStartIndex;
            var isId = isRoot && reader.ValueTextEquals("id"u8);
            var isCut = isId || (isRoot && (reader.ValueTextEquals("_etag"u8) || reader.ValueTextEquals("_lastModifiedDate"u8)));
            var isLink = isReference && reader.ValueTextEquals("link"u8);
            var leadsToReference = EndsWithReference(ref reader);
            reader.Read();
            if (isLink && reader.TokenType == JsonTokenType.StartObject && IsLink(reader))
            {
                isCut = true;
            }

            if (isId && reader.TokenType == JsonTokenType.String)
            {
                _ = Guid.TryParse(reader.GetString(), out id);
            }

            if (isCut)
            {
                reader.Skip();
                if (keptTo >= 0)
                {
                    cuts.Add(new Cut(keptTo, (int)reader.BytesConsumed));
                    keptTo = (int)reader.BytesConsumed;
                }
                else
                {
                    cutFirst = true;
                }
            }
            else
            {
                if (cutFirst)
                {
                    cuts.Add(new Cut(open, nameAt));
                    cutFirst = false;
                }

                Value(ref reader, leadsToReference, cuts);
                keptTo = (int)reader.BytesConsumed;
            }
        }

        if (cutFirst)
        {
            cuts.Add(new Cut(open, (int)reader.TokenStartIndex));
        }

        return id;
    }

    private static void Value(ref Utf8JsonReader reader, bool isReference, List<Cut> cuts)
    {
        if (reader.TokenType == JsonTokenType.StartObject)
        {
            Object(ref reader, isRoot: false, isReference, cuts);
        }
        else if (reader.TokenType == JsonTokenType.StartArray)
        {
            while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
            {
                Value(ref reader, isReference: false, cuts);
            }
        }
    }

    /// <summary>Looks ahead on a copy of the reader.</summary>
    private static bool IsLink(Utf8JsonReader reader)
    {
        var hasRel = false;
        var hasHref = false;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var isRel = reader.ValueTextEquals("rel"u8);
            var isHref = reader.ValueTextEquals("href"u8);
            reader.Read();
            if ((!isRel && !isHref) || reader.TokenType != JsonTokenType.String)
            {
                return false;
            }

            hasRel |= isRel;
            hasHref |= isHref;
        }

        return hasRel && hasHref;
    }

    private static bool EndsWithReference(ref Utf8JsonReader name) =>
        name.ValueIsEscaped ? name.GetString()!.EndsWith("Reference", StringComparison.Ordinal) : name.ValueSpan.EndsWith("Reference"u8);

    private static byte[] Copy(ReadOnlySpan<byte> page, int start, int end, List<Cut> cuts)
    {
        var length = end - start;
        foreach (var cut in cuts)
        {
            length -= cut.To - cut.From;
        }

        var copy = new byte[length];
        var written = 0;
        var from = start;
        foreach (var cut in cuts)
        {
            page[from..cut.From].CopyTo(copy.AsSpan(written));
            written += cut.From - from;
            from = cut.To;
        }

        page[from..end].CopyTo(copy.AsSpan(written));
        return copy;
    }

    /// <param name="From">Offset of the first byte that is left out.</param>
    /// <param name="To">Offset of the next byte that stays.</param>
    private readonly record struct Cut(int From, int To);
}
