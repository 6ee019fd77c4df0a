using System.Text.Json;
using System.Text.Unicode;

namespace Rollcall.Serve.Admin;

/// <summary>A request's JSON object. Members are found without regard to letter case; those that nobody asks for are ignored, so a
/// body can never set what its endpoint does not mean to be set.</summary>
internal sealed class AdminBody : IDisposable
{
    private readonly JsonDocument _document;

    private AdminBody(JsonDocument document) => _document = document;

    public AdminFaults Faults { get; } = new();

    /// <returns>Null when the body is no JSON object, or when one of its texts is none: not UTF-8, or with half a surrogate pair.</returns>
    public static AdminBody? Parse(ReadOnlyMemory<byte> body)
    {
        try
        {
            // A copy: the request's own memory is not ours to keep.
            var document = JsonDocument.Parse(body.ToArray());
            if (document.RootElement.ValueKind == JsonValueKind.Object && AreTexts(body.Span))
            {
                return new AdminBody(document);
            }

            document.Dispose();
            return null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>A text that must be there and not be blank.</summary>
    public string Required(string member, int lengthMax = 255)
    {
        var text = Optional(member, lengthMax);
        if (string.IsNullOrWhiteSpace(text) && !Faults.ByMember.Any(f => f.Key == Name(member)))
        {
            Faults.Add(Name(member), $"'{Words(member)}' must not be empty.");
        }

        return text;
    }

    /// <summary>A text; empty when it is not there.</summary>
    public string Optional(string member, int lengthMax = 255)
    {
        if (Find(member) is not { } value || value.ValueKind == JsonValueKind.Null)
        {
            return "";
        }

        if (value.ValueKind != JsonValueKind.String || value.GetString() is not { } text || text.Contains('\0'))
        {
            Faults.Add(Name(member), $"'{Words(member)}' must be a text.");
            return "";
        }

        if (text.Length > lengthMax)
        {
            Faults.Add(Name(member), $"The length of '{Words(member)}' must be {lengthMax} characters or fewer. You entered {text.Length} characters.");
        }

        return text.Trim();
    }

    public long RequiredNumber(string member)
    {
        if (Find(member) is { ValueKind: JsonValueKind.Number } value && value.TryGetInt64(out var number) && number > 0)
        {
            return number;
        }

        Faults.Add(Name(member), $"'{Words(member)}' must be a number greater than 0.");
        return 0;
    }

    public bool Flag(string member, bool otherwise)
    {
        switch (Find(member)?.ValueKind)
        {
            case null or JsonValueKind.Null:
                return otherwise;
            case JsonValueKind.True:
                return true;
            case JsonValueKind.False:
                return false;
            default:
                Faults.Add(Name(member), $"'{Words(member)}' must be true or false.");
                return otherwise;
        }
    }

    /// <summary>A list of ids without repeats; empty when it is not there.</summary>
    public IReadOnlyList<long> Numbers(string member)
    {
        if (Find(member) is not { } value || value.ValueKind == JsonValueKind.Null)
        {
            return [];
        }

        var numbers = new List<long>();
        if (value.ValueKind == JsonValueKind.Array)
        {
            foreach (var item in value.EnumerateArray())
            {
                if (item.ValueKind != JsonValueKind.Number || !item.TryGetInt64(out var number))
                {
                    Faults.Add(Name(member), $"'{Words(member)}' must be a list of numbers.");
                    return [];
                }

                numbers.Add(number);
            }

            return [.. numbers.Distinct()];
        }

        Faults.Add(Name(member), $"'{Words(member)}' must be a list of numbers.");
        return [];
    }

    public JsonElement? Find(string member)
    {
        foreach (var property in _document.RootElement.EnumerateObject())
        {
            if (property.Name.Equals(member, StringComparison.OrdinalIgnoreCase))
            {
                return property.Value;
            }
        }

        return null;
    }

    public void Dispose() => _document.Dispose();

    /// <summary>Whether every name and text can be read as one; the parser leaves that to whoever reads it.</summary>
    private static bool AreTexts(ReadOnlySpan<byte> json)
    {
        if (!Utf8.IsValid(json))
        {
            return false;
        }

        var reader = new Utf8JsonReader(json);
        try
        {
            while (reader.Read())
            {
                if (reader.TokenType is JsonTokenType.PropertyName or JsonTokenType.String && reader.ValueIsEscaped)
                {
                    _ = reader.GetString();
                }
            }

            return true;
        }
        catch (InvalidOperationException)
        {
            return false;
        }
    }

    private static string Name(string member) => char.ToUpperInvariant(member[0]) + member[1..];

    /// <summary><c>contactEmailAddress</c> as messages write it: <c>Contact Email Address</c>.</summary>
    private static string Words(string member) =>
        string.Concat(Name(member).Select((c, i) => i > 0 && char.IsAsciiLetterUpper(c) ? " " + c : c.ToString()));
}
