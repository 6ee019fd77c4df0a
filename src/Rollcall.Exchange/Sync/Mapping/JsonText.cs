using System.Text.Encodings.Web;
using System.Text.Json;

namespace Rollcall.Exchange.Sync.Mapping;

/// <summary>JSON strings as UTF-8, quotes included.</summary>
internal static class JsonText
{
    public static byte[] Quote(string text) =>
        [(byte)'"', .. JsonEncodedText.Encode(text, JavaScriptEncoder.UnsafeRelaxedJsonEscaping).EncodedUtf8Bytes, (byte)'"'];
}
