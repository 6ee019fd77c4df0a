using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using Rollcall.Standard.Model;

namespace Rollcall.Serve.Storage;

/// <summary>Writes the <c>keyValues</c> object of a tracked deletion: each natural key value under its public name, as stored.</summary>
public static class KeyValues
{
    /// <param name="body">The stored document.</param>
    public static byte[] Of(ResourceModel resource, ReadOnlyMemory<byte> body)
    {
        using var document = JsonDocument.Parse(body);
        var buffer = new ArrayBufferWriter<byte>(256);
        using (var writer = new Utf8JsonWriter(buffer, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            writer.WriteStartObject();
            foreach (var member in resource.Key)
            {
                writer.WritePropertyName(member.Name);
                Find(document.RootElement, member).WriteTo(writer);
            }

            writer.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>A unified value stands at several paths, of which an optional one may be absent.</summary>
    private static JsonElement Find(JsonElement root, KeyMember member)
    {
        foreach (var path in member.Paths)
        {
            var element = root;
            var found = true;
            foreach (var step in path.Steps)
            {
                found = element.TryGetProperty(step.Name, out element);
                if (!found)
                {
                    break;
                }
            }

            if (found)
            {
                return element;
            }
        }

        throw new InvalidDataException($"A stored document lacks its key member {member.Name}.");
    }
}
