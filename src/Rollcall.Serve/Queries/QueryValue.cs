using System.Globalization;
using Rollcall.Standard.Documents;
using Rollcall.Standard.Model;

namespace Rollcall.Serve.Queries;

internal enum QueryValueKind
{
    /// <summary>The field's type does not allow the text.</summary>
    Invalid,
    Value,

    /// <summary>A fine value that no document can have: a descriptor that does not exist, a fraction for a whole number.</summary>
    MatchesNothing,
}

/// <summary>The value of a query field, converted to the field's type. More forgiving than a document's values: a query for a date may
/// name a time, which is ignored.</summary>
internal readonly record struct QueryValue(QueryValueKind Kind, ScalarValue Value)
{
    private static readonly QueryValue Invalid = new(QueryValueKind.Invalid, default);
    private static readonly QueryValue Nothing = new(QueryValueKind.MatchesNothing, default);

    public static QueryValue Read(QueryField field, string text, DescriptorSet descriptors, DataStandard standard) => field.Type switch
    {
        PropertyType.String => Of(new ScalarValue(true, field.Type, text, 0, 0)),
        PropertyType.Descriptor => descriptors.Find(standard.DescriptorOfType(field.Paths[0].Leaf.DescriptorType!), text) is { } entry
            ? Of(new ScalarValue(true, field.Type, entry.Uri, entry.RowId, 0))
            : Nothing,
        PropertyType.Boolean => bool.TryParse(text, out var flag) ? Number(field, flag ? 1 : 0) : Invalid,
        PropertyType.Integer => !TryParseDecimal(text, out var whole) ? Invalid
            : decimal.Truncate(whole) != whole || whole is < long.MinValue or > long.MaxValue ? Nothing
            : Number(field, (long)whole),
        PropertyType.Decimal => TryParseDecimal(text, out var number) ? Of(new ScalarValue(true, field.Type, null, 0, number)) : Invalid,
        PropertyType.Date => TryParseDate(text, out var date) ? Number(field, date.DayNumber) : Invalid,
        PropertyType.Time => TimeOnly.TryParseExact(text, "HH:mm:ss", CultureInfo.InvariantCulture, DateTimeStyles.None, out var time)
            ? Number(field, time.Ticks)
            : Invalid,
        PropertyType.DateTime => TryParseInstant(text, out var instant) ? Number(field, instant.UtcTicks) : Invalid,
        _ => throw new ArgumentOutOfRangeException(nameof(field)),
    };

    private static QueryValue Of(ScalarValue value) => new(QueryValueKind.Value, value);

    private static QueryValue Number(QueryField field, long number) => Of(new ScalarValue(true, field.Type, null, number, 0));

    private static bool TryParseDecimal(string text, out decimal number) => decimal.TryParse(
        text, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out number);

    private static bool TryParseDate(string text, out DateOnly date)
    {
        if (DateOnly.TryParseExact(text, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out date))
        {
            return true;
        }

        var isInstant = text.Length > 10 && TryParseInstant(text, out _);
        return isInstant && DateOnly.TryParseExact(text.AsSpan(0, 10), "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out date);
    }

    /// <summary>A date alone means midnight UTC, and so does a time without an offset.</summary>
    private static bool TryParseInstant(string text, out DateTimeOffset instant) => DateTimeOffset.TryParseExact(
        text,
        ["yyyy-MM-dd'T'HH:mm:ss.FFFFFFFK", "yyyy-MM-dd' 'HH:mm:ss.FFFFFFFK", "yyyy-MM-dd"],
        CultureInfo.InvariantCulture,
        DateTimeStyles.AssumeUniversal,
        out instant);
}
