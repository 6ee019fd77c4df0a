using System.Text.Json;

namespace Rollcall.Cli;

internal static class JsonTexts
{
    /// <summary>An array of texts under a name.</summary>
    public static void WriteTexts(this Utf8JsonWriter json, string name, IEnumerable<string> texts)
    {
        json.WriteStartArray(name);
        foreach (var text in texts)
        {
            json.WriteStringValue(text);
        }

        json.WriteEndArray();
    }
}
