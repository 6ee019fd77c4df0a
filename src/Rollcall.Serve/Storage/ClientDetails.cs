using System.Buffers;
using System.Text;
using System.Text.Json;

namespace Rollcall.Serve.Storage;

/// <summary>The members of a client that no statement searches: one JSON text, the same in both stores.</summary>
internal static class ClientDetails
{
    public static string Write(ApiClient client)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteStartArray("profiles");
            foreach (var profile in client.Profiles)
            {
                json.WriteStringValue(profile);
            }

            json.WriteEndArray();
            Numbers(json, "ownershipTokens", client.OwnershipTokens);
            Numbers(json, "instanceIds", client.InstanceIds);
            Number(json, "creatorOwnershipToken", client.CreatorOwnershipToken);
            Number(json, "applicationId", client.ApplicationId);
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    /// <summary>The client with the members that <paramref name="details"/> has; others keep their defaults.</summary>
    public static ApiClient With(ApiClient client, string details)
    {
        using var document = JsonDocument.Parse(details);
        var root = document.RootElement;
        return client with
        {
            Profiles = [.. Items("profiles").Select(e => e.GetString()!)],
            OwnershipTokens = [.. Items("ownershipTokens").Select(e => e.GetInt64())],
            InstanceIds = [.. Items("instanceIds").Select(e => e.GetInt64())],
            CreatorOwnershipToken = NumberOf("creatorOwnershipToken"),
            ApplicationId = NumberOf("applicationId"),
        };

        IEnumerable<JsonElement> Items(string name) => root.TryGetProperty(name, out var items) ? items.EnumerateArray() : [];

        long? NumberOf(string name) => root.TryGetProperty(name, out var number) ? number.GetInt64() : null;
    }

    private static void Numbers(Utf8JsonWriter json, string name, IReadOnlyList<long> numbers)
    {
        json.WriteStartArray(name);
        foreach (var number in numbers)
        {
            json.WriteNumberValue(number);
        }

        json.WriteEndArray();
    }

    private static void Number(Utf8JsonWriter json, string name, long? number)
    {
        if (number is { } value)
        {
            json.WriteNumber(name, value);
        }
    }
}
