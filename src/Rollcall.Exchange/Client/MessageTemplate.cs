using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Rollcall.Exchange.Client;

/// <summary>Takes the values out of an API's message, so that it may be logged and equal causes read the same.</summary>
/// <remarks>A message may quote what was sent, and what was sent are children's records. Masked are: whatever stands in quotes
/// unless it is a member's name or path, everything with a digit in it, and every text of the refused document wherever it appears.</remarks>
internal static partial class MessageTemplate
{
    private const int LengthMax = 400;

    public static string Mask(string message, ReadOnlyMemory<byte> sent)
    {
        var names = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        var values = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        Collect(sent, names, values);
        var text = new StringBuilder(message);
        foreach (var value in values.OrderByDescending(v => v.Length))
        {
            // Word by word comparison would mask half of the English language; a whole value is specific enough.
            ReplaceIgnoringCase(text, value);
        }

        var masked = Quoted().Replace(text.ToString(), m => IsName(m.Groups[2].Value, names) ? m.Value : $"{m.Groups[1].Value}…{m.Groups[3].Value}");
        masked = Indexed().Replace(masked, "[*]");
        masked = WithDigit().Replace(masked, "…");
        masked = Repeated().Replace(masked, "…");
        masked = White().Replace(masked, " ").Trim();
        return masked.Length <= LengthMax ? masked : masked[..LengthMax] + "…";
    }

    /// <summary>A path or a camelCase name as APIs write member and resource names; personal data does not look like this
    /// unless it was sent, and what was sent is masked already.</summary>
    private static bool IsName(string quoted, HashSet<string> names) =>
        quoted.StartsWith("$.", StringComparison.Ordinal) || names.Contains(quoted) || WireName().IsMatch(quoted);

    private static void Collect(ReadOnlyMemory<byte> sent, HashSet<string> names, HashSet<string> values)
    {
        if (sent.IsEmpty)
        {
            return;
        }

        try
        {
            var reader = new Utf8JsonReader(sent.Span);
            while (reader.Read() && values.Count < 5000)
            {
                if (reader.TokenType == JsonTokenType.PropertyName)
                {
                    names.Add(reader.GetString()!);
                }
                else if (reader.TokenType == JsonTokenType.String && reader.GetString() is { Length: >= 2 } value)
                {
                    values.Add(value);
                }
            }
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            // Not JSON: what was read so far is masked, and quotes and digits are masked anyway.
        }

        names.RemoveWhere(values.Contains);
    }

    private static void ReplaceIgnoringCase(StringBuilder text, string value)
    {
        var current = text.ToString();
        if (!current.Contains(value, StringComparison.OrdinalIgnoreCase))
        {
            return;
        }

        text.Clear();
        for (var from = 0; ;)
        {
            var at = current.IndexOf(value, from, StringComparison.OrdinalIgnoreCase);
            if (at < 0)
            {
                text.Append(current, from, current.Length - from);
                return;
            }

            var whole = (at == 0 || !char.IsLetterOrDigit(current[at - 1]))
                && (at + value.Length == current.Length || !char.IsLetterOrDigit(current[at + value.Length]));
            text.Append(current, from, at - from).Append(whole ? "…" : current.AsSpan(at, value.Length));
            from = at + value.Length;
        }
    }

    /// <summary>The apostrophe of <c>client's</c> or <c>isn't</c> opens nothing; that of <c>N'Smith'</c> does.</summary>
    [GeneratedRegex("""(?!(?<=[A-Za-z])'(?:s|t|re|ll|ve|d|m)\b)(['"])(.*?)(\1)(?![A-Za-z])""", RegexOptions.Singleline)]
    private static partial Regex Quoted();

    /// <summary>Besides camelCase: the actions of a claim set, and the elements by which the standard's authorization names what it compares (security 8.6).</summary>
    [GeneratedRegex("""^[a-z][a-z]*(?:[A-Z][a-z]+)+$|^validationErrors$|^errors$|^id$|^(?:Create|Read|Update|Delete|ReadChanges)$|^[A-Z][A-Za-z]+(?:UniqueId|Id|USI)$""")]
    private static partial Regex WireName();

    [GeneratedRegex("""\[\d+\]""")]
    private static partial Regex Indexed();

    [GeneratedRegex("""[^\s,;:'"()\[\]]*\d[^\s,;'"()\[\]]*""")]
    private static partial Regex WithDigit();

    [GeneratedRegex("""…(?:[\s,.]*…)+""")]
    private static partial Regex Repeated();

    [GeneratedRegex("""\s+""")]
    private static partial Regex White();
}
