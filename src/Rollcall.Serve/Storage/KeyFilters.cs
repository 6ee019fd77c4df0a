using System.Globalization;
using Rollcall.Serve.Queries;
using Rollcall.Standard.Documents;
using Rollcall.Standard.Keys;
using Rollcall.Standard.Model;

namespace Rollcall.Serve.Storage;

/// <summary>Turns filters that name a whole natural key into its hash, so that a query uses the key's index instead of reading the table.</summary>
public sealed class KeyFilters
{
    private readonly int[]? _keyFields;
    private readonly (ReferenceColumn Column, int[] Fields)[] _references;

    public KeyFilters(TableModel table)
    {
        var fields = table.Resource.QueryFields;
        var key = table.Resource.Key.Select(k => Array.FindIndex([.. fields], f => f.Paths.Any(p => k.Paths.Any(kp => kp.Text == p.Text)))).ToArray();
        _keyFields = key.Contains(-1) || key.Any(f => !IsHashable(fields[f].Type)) ? null : key;
        _references =
        [
            .. table.ReferenceColumns
                .Select(column => (Column: column, Fields: FieldsOf(column.Reference, fields)))
                .Where(r => r.Fields is not null && ImpliesPresence(r.Column.Reference, r.Fields, fields))
                .Select(r => (r.Column, r.Fields!)),
        ];
    }

    /// <summary>The natural key that the filters name; null when they name no whole key.</summary>
    public KeyHash? NaturalKey(IReadOnlyList<FieldFilter> filters) => _keyFields is { } fields ? Hash(fields, filters) : null;

    /// <summary>The root references whose whole key the filters name. Every document that the filters match has them.</summary>
    public IEnumerable<(ReferenceColumn Column, KeyHash Key)> References(IReadOnlyList<FieldFilter> filters)
    {
        foreach (var (column, fields) in _references)
        {
            if (Hash(fields, filters) is { } key)
            {
                yield return (column, key);
            }
        }
    }

    private static int[]? FieldsOf(ReferenceModel reference, IReadOnlyList<QueryField> fields)
    {
        var found = reference.KeyFields
            .Select(k => fields.ToList().FindIndex(f => f.Paths.Any(p => p.Text == $"{reference.Path.Text}.{k.Name}")))
            .ToArray();
        return found.Contains(-1) || found.Any(f => !IsHashable(fields[f].Type)) ? null : found;
    }

    /// <summary>An optional reference may be absent while another member supplies the value, unless one of its fields has no other source.</summary>
    private static bool ImpliesPresence(ReferenceModel reference, int[]? fields, IReadOnlyList<QueryField> all) =>
        reference.IsAlwaysPresent || fields!.Any(f => all[f].Paths.Length == 1);

    private static KeyHash? Hash(int[] fields, IReadOnlyList<FieldFilter> filters)
    {
        var key = new CanonicalKey(stackalloc byte[256]);
        foreach (var field in fields)
        {
            var found = false;
            foreach (var filter in filters)
            {
                if (filter.Field == field && filter.Value.IsPresent)
                {
                    Append(ref key, filter.Value);
                    found = true;
                    break;
                }
            }

            if (!found)
            {
                return null;
            }
        }

        return key.Hash();
    }

    private static void Append(ref CanonicalKey key, in ScalarValue value)
    {
        switch (value.Type)
        {
            case PropertyType.Integer:
                key.Append(value.Number);
                break;
            case PropertyType.Date:
                key.Append(DateOnly.FromDayNumber((int)value.Number).ToString("yyyy-MM-dd", CultureInfo.InvariantCulture));
                break;
            default:
                key.Append(value.Text);
                break;
        }
    }

    /// <summary>Natural keys are made of these; a key with any other type is looked up by its columns.</summary>
    private static bool IsHashable(PropertyType type) =>
        type is PropertyType.String or PropertyType.Integer or PropertyType.Date or PropertyType.Descriptor;
}
