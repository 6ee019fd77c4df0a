using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace Rollcall.Serve.Storage;

/// <summary>Writes patched bodies without reflection.</summary>
[JsonSerializable(typeof(JsonObject))]
internal sealed partial class StoredJsonContext : JsonSerializerContext;
