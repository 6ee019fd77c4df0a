using System.Text.Json;
using Rollcall.Exchange.Load;

namespace Rollcall.Exchange.State;

/// <summary>A refused document as a line of NDJSON: what was refused, why, and by which id the API's operator finds it.</summary>
internal static class SetAsideLine
{
    public static void Write(
        Stream to, PublishPass pass, string path, Guid sourceId, int status, string problemType, string message, string? correlationId, ReadOnlyMemory<byte> body)
    {
        using (var json = new Utf8JsonWriter(to))
        {
            json.WriteStartObject();
            json.WriteString("resource", path);
            json.WriteString("pass", pass switch { PublishPass.KeyChanges => "keyChanges", PublishPass.Deletes => "deletes", PublishPass.Upserts => "upserts", _ => "" });
            json.WriteString("sourceId", sourceId.ToString("N"));
            json.WriteNumber("status", status);
            json.WriteString("type", problemType);
            json.WriteString("message", message);
            if (correlationId is not null)
            {
                json.WriteString("correlationId", correlationId);
            }

            json.WritePropertyName("body");
            RejectedFile.WriteBody(json, body);
            json.WriteEndObject();
        }

        to.WriteByte((byte)'\n');
    }
}
