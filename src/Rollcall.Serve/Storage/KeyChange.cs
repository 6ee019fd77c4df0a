using System.Text.Json.Nodes;
using Rollcall.Standard.Keys;
using Rollcall.Standard.Model;

namespace Rollcall.Serve.Storage;

/// <summary>A stored document whose natural key has become another one in the open transaction.</summary>
/// <param name="Values">The new key as <c>keyValues</c> shows it: each value by the name of its key member.</param>
internal sealed record KeyChange(ResourceModel Resource, long RowId, KeyHash Old, JsonObject Values);
