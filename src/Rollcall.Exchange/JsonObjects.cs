using System.Text.Json;

namespace Rollcall.Exchange;

/// <summary>What every JSON result is made of: an array with an object for each of some things.</summary>
public static class JsonObjects
{
    /// <param name="write">Writes the members of one object.</param>
    public static void WriteObjects<T>(this Utf8JsonWriter json, string name, IEnumerable<T> items, Action<T> write)
    {
        json.WriteStartArray(name);
        foreach (var item in items)
        {
            json.WriteStartObject();
            write(item);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }
}
