using System.Buffers.Text;
using Rollcall.Standard.Keys;
using Rollcall.Standard.Model;

namespace Rollcall.Standard.Documents.Reading;

/// <summary>Makes the <see cref="Document"/> of a faultless body.</summary>
internal static class DocumentBuilder
{
    public static Document Build(CompiledResource resource, ParsedBody body, DescriptorSet? descriptors)
    {
        var work = body.Work;
        new CanonicalWriter(body, descriptors).Write(resource.Root, 0, -1, -1);
        var values = QueryValues(resource, body);
        var canonical = work.Output.Written.ToArray();
        return new Document
        {
            Resource = resource.Model,
            Body = canonical,
            KeyHash = KeyOf(resource, body),
            RecordHash = RecordHash.Compute(canonical),
            KeyTexts = KeyTexts(resource, body, values),
            References = work.References.Count == 0 ? [] : [.. work.References],
            DescriptorRows = DescriptorRows(work),
            UnknownDescriptors = work.UnknownDescriptors.Count == 0 ? [] : [.. work.UnknownDescriptors],
            QueryValues = values,
            Descriptors = descriptors,
        };
    }

    private static KeyHash KeyOf(CompiledResource resource, ParsedBody body)
    {
        var key = new CanonicalKey(body.Work.KeyBytes);
        foreach (var paths in resource.Key)
        {
            body.AppendTo(ref key, body.Entries[body.FirstValue(0, paths)]);
        }

        return key.Hash();
    }

    private static string[] KeyTexts(CompiledResource resource, ParsedBody body, ScalarValue[] values)
    {
        var texts = new string[resource.Key.Length];
        for (var i = 0; i < texts.Length; i++)
        {
            // The query value's string is the same one, so that a key costs no second copy.
            var field = resource.KeyFields[i];
            texts[i] = field >= 0 && values[field].Text is { } text ? text : TextOf(body.Entries[body.FirstValue(0, resource.Key[i])], body);
        }

        return texts;
    }

    private static ScalarValue[] QueryValues(CompiledResource resource, ParsedBody body)
    {
        var values = new ScalarValue[resource.QueryFields.Length];
        for (var i = 0; i < values.Length; i++)
        {
            var entry = body.FirstValue(0, resource.QueryFields[i]);
            if (entry != 0)
            {
                values[i] = ValueOf(body.Entries[entry], resource.Model.QueryFields[i].Type, body);
            }
        }

        return values;
    }

    private static ScalarValue ValueOf(in Entry entry, PropertyType type, ParsedBody body)
    {
        switch (type)
        {
            case PropertyType.String:
                return new ScalarValue(true, type, body.Text(entry), 0, 0);
            case PropertyType.Descriptor:
                return new ScalarValue(true, type, TextOf(entry, body), entry.IsResolved ? body.Work.Descriptors[(int)entry.Number].RowId : 0, 0);
            case PropertyType.Decimal:
                var isDecimal = Utf8Parser.TryParse(body.Json(entry), out decimal number, out _);
                return new ScalarValue(isDecimal, type, null, 0, number);
            default:
                return new ScalarValue(true, type, null, entry.Number, 0);
        }
    }

    private static string TextOf(in Entry entry, ParsedBody body) => entry.State != EntryState.Scalar ? ""
        : entry.IsResolved ? body.Work.Descriptors[(int)entry.Number].Uri
        : body.Text(entry);

    private static long[] DescriptorRows(Workspace work)
    {
        if (work.Descriptors.Count == 0)
        {
            return [];
        }

        var rows = new long[work.Descriptors.Count];
        for (var i = 0; i < rows.Length; i++)
        {
            rows[i] = work.Descriptors[i].RowId;
        }

        Array.Sort(rows);
        var distinct = 1;
        for (var i = 1; i < rows.Length; i++)
        {
            if (rows[i] != rows[i - 1])
            {
                rows[distinct++] = rows[i];
            }
        }

        return distinct == rows.Length ? rows : rows[..distinct];
    }
}
