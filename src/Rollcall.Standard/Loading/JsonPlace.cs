using System.Globalization;
using System.Text.Json;

namespace Rollcall.Standard.Loading;

/// <summary>Where a text stops being JSON, in words that repeat nothing of it: the parser's own message quotes what it met, which may be a secret.</summary>
public static class JsonPlace
{
    /// <summary><c>it breaks off or goes wrong at line 3, column 17</c>; other failures, which quote no value, in their own words.</summary>
    public static string Say(Exception failure)
    {
        for (var cause = failure; cause is not null; cause = cause.InnerException)
        {
            if (cause is JsonException json)
            {
                return json is { LineNumber: { } line, BytePositionInLine: { } column }
                    ? string.Create(CultureInfo.InvariantCulture, $"it breaks off or goes wrong at line {line + 1}, column {column + 1}.")
                    : "it breaks off or goes wrong.";
            }
        }

        return failure.GetBaseException().Message;
    }
}
