using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.WebUtilities;

namespace Rollcall.Serve.Security;

/// <summary>The body of a request to the OAuth endpoints: a form or a JSON object, whatever its label says, since clients mislabel it.
/// Names are compared without case.</summary>
internal sealed class TokenRequest
{
    private readonly Dictionary<string, string> _values;

    private TokenRequest(Dictionary<string, string> values) => _values = values;

    /// <summary>The value, or null when the body has none or it is blank.</summary>
    public string? this[string name] => _values.TryGetValue(name, out var value) && value.Length > 0 ? value : null;

    /// <summary>Whether the body has a text of this name, in JSON perhaps a blank one.</summary>
    public bool Has(string name) => _values.ContainsKey(name);

    /// <summary>Null when the body is neither a form nor a JSON object.</summary>
    public static TokenRequest? Parse(ReadOnlyMemory<byte> body)
    {
        var values = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        var text = body.Span.TrimStart(" \t\r\n"u8);
        if (text.IsEmpty)
        {
            return new TokenRequest(values);
        }

        return (text[0] is (byte)'{' or (byte)'[' or (byte)'"' ? ReadJson(body, values) : ReadForm(body, values)) ? new TokenRequest(values) : null;
    }

    private static bool ReadJson(ReadOnlyMemory<byte> body, Dictionary<string, string> values)
    {
        try
        {
            using var json = JsonDocument.Parse(body);
            if (json.RootElement.ValueKind != JsonValueKind.Object)
            {
                return false;
            }

            foreach (var member in json.RootElement.EnumerateObject())
            {
                if (member.Value.ValueKind is JsonValueKind.String)
                {
                    values[member.Name] = member.Value.GetString()!;
                }
                else if (member.Value.ValueKind is JsonValueKind.Number && member.Name.Equals("scope", StringComparison.OrdinalIgnoreCase))
                {
                    values[member.Name] = member.Value.GetRawText();
                }
            }

            return true;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // The second: a text that is no valid UTF-8, or with half a surrogate pair, which is found when it is read.
            return false;
        }
    }

    private static bool ReadForm(ReadOnlyMemory<byte> body, Dictionary<string, string> values)
    {
        foreach (var (name, value) in QueryHelpers.ParseQuery(Encoding.UTF8.GetString(body.Span)))
        {
            // A blank value of a form is none.
            if (value.ToString() is { Length: > 0 } text)
            {
                values[name] = text;
            }
        }

        return true;
    }
}
