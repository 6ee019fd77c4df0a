using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;

namespace Rollcall.Tests.Standard.Generated;

/// <summary>Random valid values of each scalar type of the model file.</summary>
public sealed class RandomValue(Random random)
{
    private static readonly string[] s_letters =
        [.. "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789".Select(c => c.ToString()), "é", "ß", "İ", "漢", "😀", "'", "\"", "\\", "/", "<", "&", "+", "%", "_", ".", ","];

    /// <summary>A value of a member.</summary>
    /// <param name="rule">The member in the model file; anything but a descriptor, reference, object or array.</param>
    public JsonNode Of(JsonObject rule) => rule["type"]!.GetValue<string>() switch
    {
        "string" => JsonValue.Create(Text(rule)),
        "boolean" => JsonValue.Create(random.Next(2) == 0),
        "integer" => JsonValue.Create(Integer(rule)),
        "decimal" => Decimal(rule),
        "date" => JsonValue.Create(new DateOnly(1900, 1, 1).AddDays(random.Next(80_000)).ToString("yyyy-MM-dd", CultureInfo.InvariantCulture)),
        "time" => JsonValue.Create(new TimeOnly(random.Next(24), random.Next(60), random.Next(60)).ToString("HH:mm:ss", CultureInfo.InvariantCulture)),
        "datetime" => JsonValue.Create(Moment()),
        var other => throw new InvalidDataException($"No values of type {other} can be made up."),
    };

    /// <summary>Mostly short, sometimes as long or as short as may be; without blanks at its ends.</summary>
    public string Text(JsonObject rule)
    {
        var least = Math.Max(1, rule["minLength"]?.GetValue<int>() ?? 1);
        var most = Math.Min(rule["maxLength"]?.GetValue<int>() ?? 200, 2000);
        return Text(rule, random.Next(12) switch { 0 => most, 1 => least, _ => 8 + random.Next(12) });
    }

    /// <summary>The same of a length, as far as the member allows it.</summary>
    public string Text(JsonObject rule, int wanted)
    {
        var length = Math.Clamp(wanted, Math.Max(1, rule["minLength"]?.GetValue<int>() ?? 1), Math.Min(rule["maxLength"]?.GetValue<int>() ?? 200, 2000));
        var text = new StringBuilder();
        for (var i = 0; i < length; i++)
        {
            text.Append(i > 0 && i < length - 1 && random.Next(12) == 0 ? " " : s_letters[random.Next(s_letters.Length)]);
        }

        return text.ToString();
    }

    public static (decimal Least, decimal Most) BoundsOf(JsonObject rule)
    {
        decimal least, most;
        if (rule["type"]!.GetValue<string>() == "integer")
        {
            (least, most) = rule["range"]!.GetValue<string>() switch { "int16" => (short.MinValue, short.MaxValue), "int32" => (int.MinValue, int.MaxValue), _ => ((decimal)long.MinValue, (decimal)long.MaxValue) };
        }
        else
        {
            most = Power(rule["totalDigits"]!.GetValue<int>() - rule["decimalPlaces"]!.GetValue<int>()) - Unit(rule);
            least = -most;
        }

        return (Math.Max(least, rule["minimum"]?.GetValue<decimal>() ?? least), rule["maximum"] is { } max ? max.GetValue<decimal>() : most);
    }

    /// <summary>The smallest step of a decimal.</summary>
    public static decimal Unit(JsonObject rule) => 1 / Power(rule["decimalPlaces"]?.GetValue<int>() ?? 0);

    private long Integer(JsonObject rule)
    {
        var (least, most) = BoundsOf(rule);
        return random.Next(12) switch
        {
            0 => (long)most,
            1 => (long)least,
            _ => random.NextInt64((long)Math.Max(least, 1), (long)Math.Min(most, 9_000_000_000_000)),
        };
    }

    private JsonNode Decimal(JsonObject rule)
    {
        var (least, most) = BoundsOf(rule);
        var value = random.Next(12) switch
        {
            0 => most,
            1 => least,
            _ => Math.Round(Math.Clamp((decimal)(random.NextDouble() * 100), least, most), rule["decimalPlaces"]!.GetValue<int>()),
        };
        return JsonNode.Parse(value.ToString(CultureInfo.InvariantCulture))!;
    }

    private string Moment()
    {
        var moment = new DateTime(2000, 1, 1, 0, 0, 0, DateTimeKind.Utc).AddTicks(random.NextInt64(TimeSpan.TicksPerDay * 20_000));
        var text = moment.ToString(random.Next(2) == 0 ? "yyyy-MM-dd'T'HH:mm:ss" : "yyyy-MM-dd'T'HH:mm:ss.fff", CultureInfo.InvariantCulture);
        return text + (random.Next(2) == 0 ? "Z" : "-06:00");
    }

    private static decimal Power(int exponent) => exponent <= 0 ? 1 : 10 * Power(exponent - 1);
}
