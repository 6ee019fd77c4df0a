using System.Globalization;
using System.Text.Json;

namespace Rollcall.Standard.Documents.Reading;

/// <summary>Finds the first member name that occurs twice in one object, at any depth, known or not. The scan only suspects;
/// this slower second look is taken then.</summary>
internal static class DuplicateMembers
{
    /// <param name="body">Well-formed JSON, or faults that say that it is not.</param>
    public static void Check(ReadOnlySpan<byte> body, FaultList faults)
    {
        try
        {
            var json = new Utf8JsonReader(body, new JsonReaderOptions { MaxDepth = BodyScanner.MaxDepth });
            json.Read();
            if (Find(ref json) is { } path)
            {
                faults.Add(FaultPhase.DuplicateMember, "$" + path, FaultText.DuplicateMember);
            }
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // Malformed, or with a name that is no text (half a surrogate pair), beyond a first duplicate: the scan has reported it, and it comes first.
        }
    }

    /// <summary>The path from the current value to its first duplicate, or null. Put together on the way back only: names can be
    /// millions of characters long, and one copy of such a name for each member below it would be too many.</summary>
    private static string? Find(ref Utf8JsonReader json)
    {
        switch (json.TokenType)
        {
            case JsonTokenType.StartObject:
                var names = new HashSet<string>(StringComparer.Ordinal);
                while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
                {
                    var name = json.GetString()!;
                    if (!names.Add(name))
                    {
                        return "." + name;
                    }

                    json.Read();
                    if (Find(ref json) is { } inside)
                    {
                        return $".{name}{inside}";
                    }
                }

                break;
            case JsonTokenType.StartArray:
                for (var i = 0; json.Read() && json.TokenType != JsonTokenType.EndArray; i++)
                {
                    if (Find(ref json) is { } inside)
                    {
                        return string.Create(CultureInfo.InvariantCulture, $"[{i}]{inside}");
                    }
                }

                break;
        }

        return null;
    }
}
