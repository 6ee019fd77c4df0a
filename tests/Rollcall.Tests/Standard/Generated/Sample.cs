using System.Text.Json.Nodes;

namespace Rollcall.Tests.Standard.Generated;

/// <summary>A generated document.</summary>
/// <param name="Resource">As the judge names it: <c>schools</c>, <c>sample/buses</c>.</param>
/// <param name="Key">The natural key's values, parallel to the <c>key</c> of the model; a descriptor's is its URI.</param>
/// <param name="Level">1 for a document that refers to nothing, otherwise one more than the highest that it refers to.</param>
public sealed record Sample(string Resource, JsonObject Body, JsonNode[] Key, int Level);
