using System.Text;
using System.Text.Json;
using Rollcall.Exchange.Sync.Mapping;
using Rollcall.Exchange.Sync.Sources;
using Rollcall.Standard.Keys;
using Rollcall.Standard.Model;

namespace Rollcall.Exchange.Sync;

public enum MapOutcome
{
    Mapped,

    /// <summary>The row says <c>@omit</c>: as if the query had not returned it.</summary>
    Omitted,

    /// <summary>The row cannot become a document; the findings say why.</summary>
    Refused,
}

/// <summary>Writes rows as JSON along a compiled template. One instance serves one thread.</summary>
/// <param name="known">The descriptors that the target has; null to take every one as it stands.</param>
internal sealed partial class RowMapper(DocumentTemplate template, DataStandard standard, TargetDescriptors? known, Findings findings)
{
    private readonly Tokens _row = new(template.Bindings.Length);
    private readonly Tokens[] _child = [.. template.Children.Select(c => new Tokens(c.Bindings.Length))];
    private readonly Utf8Buffer _body = new();
    private readonly Utf8Buffer _items = new();
    private bool _isRefused;
    private byte[] _sourceKey = [];

    /// <summary>The document of the last row that was mapped; valid until the next.</summary>
    public ReadOnlyMemory<byte> Json => _body.Written;

    public MapOutcome Map(RowGroup group, int row)
    {
        _isRefused = false;
        _body.Truncate(0);
        _items.Truncate(0);
        var rows = group.Rows;
        if (CellText.Trimmed(rows.Cell(row, template.OmitColumn)) is { Length: > 0 } omit
            && !omit.SequenceEqual("0"u8) && !Ascii.EqualsIgnoreCase(omit, "false"u8) && !Ascii.EqualsIgnoreCase(omit, "f"u8))
        {
            return MapOutcome.Omitted;
        }

        var school = CellText.Trimmed(rows.Cell(row, template.ScopeColumn));
        _sourceKey = rows.Cell(row, template.SourceKeyColumn).ToArray();
        Evaluate(_row, template.Bindings, rows, row, school);
        Expect(template.ExpectColumns, template.File, rows, row, school);
        WriteObject(template.Root, group, row, null, school);
        return _isRefused ? MapOutcome.Refused : MapOutcome.Mapped;
    }

    /// <summary>The natural key of the last row, mapped or refused; null when part of it is absent or unmapped.</summary>
    public KeyHash? Key()
    {
        if (KeyTexts() is not { } texts)
        {
            return null;
        }

        var key = new CanonicalKey(stackalloc byte[256]);
        foreach (var text in texts)
        {
            key.Append(text);
        }

        return key.Hash();
    }

    /// <summary>The canonical texts of that key's values.</summary>
    public string[]? KeyTexts()
    {
        var texts = new string[template.KeyBindings.Length];
        for (var i = 0; i < texts.Length; i++)
        {
            var token = template.KeyBindings[i] is >= 0 and var binding ? _row.Of(binding) : default;
            if (token.IsEmpty)
            {
                return null;
            }

            texts[i] = token[0] == '"' ? JsonString(token) : Encoding.UTF8.GetString(token);
        }

        return texts;
    }

    private static string JsonString(ReadOnlySpan<byte> token)
    {
        var reader = new Utf8JsonReader(token);
        reader.Read();
        return reader.GetString()!;
    }

    private void Expect(int[] columns, MappingFile file, RowBatch rows, int row, ReadOnlySpan<byte> school)
    {
        for (var i = 0; i < columns.Length; i++)
        {
            if (rows.Cell(row, columns[i]).SequenceEqual("0"u8))
            {
                Refuse(FindingKind.Expectation, file.FileName, file.Expectations[i], school);
            }
        }
    }

    private void Refuse(FindingKind kind, string path, string text, ReadOnlySpan<byte> school)
    {
        _isRefused = true;
        findings.Add(template.Resource.Name, kind, path, text, school, row: _sourceKey);
    }

    /// <summary>Turns every bound cell into a JSON value once; a value may then stand in several places.</summary>
    private void Evaluate(Tokens tokens, Binding[] bindings, RowBatch rows, int row, ReadOnlySpan<byte> school)
    {
        tokens.Clear();
        for (var i = 0; i < bindings.Length; i++)
        {
            var binding = bindings[i];
            var cell = CellText.Trimmed(rows.Cell(row, binding.Column));
            if (cell.Length > 0)
            {
                if (binding.Property.Type == PropertyType.Descriptor)
                {
                    Descriptor(tokens.Bytes, binding.Property, binding.Crosswalk, binding.Path, cell, school);
                }
                else if (binding.Property.Type == PropertyType.Array)
                {
                    tokens.Bytes.Add(cell);
                }
                else
                {
                    CellText.Append(tokens.Bytes, binding.Property.Type, cell);
                }
            }

            tokens.End(i);
        }
    }

    private void Descriptor(Utf8Buffer to, PropertyModel property, Crosswalk? crosswalk, string path, ReadOnlySpan<byte> code, ReadOnlySpan<byte> school)
    {
        if (code.Contains((byte)'#'))
        {
            var uri = Encoding.UTF8.GetString(code).Normalize(NormalizationForm.FormC);
            if (known?.Has(standard.DescriptorOf(property), uri) == false)
            {
                Refuse(FindingKind.UnknownDescriptor, path, uri, school);
            }

            CellText.Quoted(to, code);
            return;
        }

        var value = crosswalk?.Find(code, school);
        if (value is null)
        {
            Refuse(FindingKind.Unmapped, crosswalk is null ? $"{path}, no crosswalk" : path, Encoding.UTF8.GetString(code), school);
            return;
        }

        if (value.IsUnknownToTarget)
        {
            Refuse(FindingKind.UnknownDescriptor, path, value.Uri!, school);
        }

        to.Add(value.Json);
    }

    private bool IsPresent(ObjectTemplate node, Tokens? item)
    {
        foreach (var scalar in node.Presence)
        {
            if (!Value(scalar, item).IsEmpty)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>A child's own values come from its row, unified ones from its parent's.</summary>
    private ReadOnlySpan<byte> Value(ScalarTemplate scalar, Tokens? item) => (item is null || scalar.FromParent ? _row : item).Of(scalar.Binding);

    private void WriteObject(ObjectTemplate node, RowGroup group, int row, Tokens? item, ReadOnlySpan<byte> school)
    {
        _body.Add((byte)'{');
        var isFirst = true;
        foreach (var member in node.Members)
        {
            var before = _body.Length;
            if (!isFirst)
            {
                _body.Add((byte)',');
            }

            _body.Add(member.NameJson);
            if (WriteValue(member, group, row, item, school))
            {
                isFirst = false;
            }
            else
            {
                _body.Truncate(before);
            }
        }

        _body.Add((byte)'}');
    }

    /// <summary>False when there is nothing to write.</summary>
    private bool WriteValue(TemplateMember member, RowGroup group, int row, Tokens? item, ReadOnlySpan<byte> school)
    {
        switch (member.Node)
        {
            case ScalarTemplate scalar:
                var value = Value(scalar, item);
                _body.Add(value);
                return !value.IsEmpty;
            case ObjectTemplate inner:
                if (!IsPresent(inner, item) && !inner.HasArrays)
                {
                    return false;
                }

                // Half an optional reference is none: a room is unknown though its school is not.
                if (!member.IsRequired && !IsComplete(inner, item))
                {
                    findings.Add(template.Resource.Name, FindingKind.DroppedItem, inner.Path, "", school, row: _sourceKey);
                    return false;
                }

                var start = _body.Length;
                WriteObject(inner, group, row, item, school);
                return _body.Length > start + 2;
            case ArrayTemplate array:
                return WriteArray(array, group, row, item, school);
            default:
                throw new InvalidOperationException();
        }
    }

    /// <summary>Items are ordered by their bytes, so that the order in which rows come never makes a document look changed.</summary>
    private bool WriteArray(ArrayTemplate array, RowGroup group, int row, Tokens? item, ReadOnlySpan<byte> school)
    {
        var items = new List<byte[]>();
        foreach (var indexed in array.Items)
        {
            WriteItem(array.Path, indexed, group, row, item, school, items);
        }

        if (array.Child >= 0)
        {
            var child = template.Children[array.Child];
            var rows = group.Children[array.Child];
            var (start, end) = rows.Of(row);
            if (end < 0)
            {
                Refuse(FindingKind.DuplicateSourceKey, array.Path, template.File.FileName, school);
            }

            for (var r = start; r < end; r++)
            {
                Evaluate(_child[array.Child], child.Bindings, rows.Rows, r, school);
                Expect(child.ExpectColumns, child.File, rows.Rows, r, school);
                WriteItem(array.Path, child.Item, group, row, _child[array.Child], school, items);
            }
        }

        if (array.JsonBinding >= 0 && (item ?? _row).Of(array.JsonBinding) is { Length: > 0 } json)
        {
            JsonItems(array.Path, template.Bindings[array.JsonBinding].Property, json, school, items);
        }

        if (items.Count == 0)
        {
            return false;
        }

        items.Sort(static (a, b) => a.AsSpan().SequenceCompareTo(b));
        _body.Add((byte)'[');
        for (var i = 0; i < items.Count; i++)
        {
            if (i > 0)
            {
                _body.Add((byte)',');
            }

            _body.Add(items[i]);
        }

        _body.Add((byte)']');
        return true;
    }

    /// <summary>Writes one item. One with a blank required member is dropped and counted; a blank one of a wide row is no item at all.</summary>
    private void WriteItem(string path, ObjectTemplate node, RowGroup group, int row, Tokens? item, ReadOnlySpan<byte> school, List<byte[]> items)
    {
        if (!IsPresent(node, item) && item is null)
        {
            return;
        }

        if (!IsComplete(node, item))
        {
            findings.Add(template.Resource.Name, FindingKind.DroppedItem, path, "", school, row: _sourceKey);
            return;
        }

        var start = _body.Length;
        WriteObject(node, group, row, item, school);
        items.Add(_body.Slice(start, _body.Length - start).ToArray());
        _body.Truncate(start);
    }

    private bool IsComplete(ObjectTemplate node, Tokens? item)
    {
        foreach (var member in node.Members)
        {
            var isThere = member.Node switch
            {
                ScalarTemplate scalar => !Value(scalar, item).IsEmpty || !member.IsRequired,
                ObjectTemplate inner => IsPresent(inner, item) ? IsComplete(inner, item) : !member.IsRequired,
                _ => true,
            };
            if (!isThere)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>The values of one row, each as JSON; empty when absent.</summary>
    private sealed class Tokens(int bindings)
    {
        private readonly int[] _ends = new int[bindings];

        public Utf8Buffer Bytes { get; } = new();

        public void Clear() => Bytes.Truncate(0);

        public void End(int binding) => _ends[binding] = Bytes.Length;

        public ReadOnlySpan<byte> Of(int binding)
        {
            var start = binding == 0 ? 0 : _ends[binding - 1];
            return Bytes.Slice(start, _ends[binding] - start);
        }
    }
}
