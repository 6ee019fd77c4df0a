using System.Text.Json.Nodes;

namespace Rollcall.Tests.Standard.Generated;

/// <summary>A document with one thing wrong, and how it must be refused.</summary>
/// <param name="Rule">Which rule it breaks.</param>
/// <param name="Where">The concrete path of what was changed.</param>
/// <param name="Paths">Keys that the answer's validationErrors must have.</param>
/// <param name="NeedsStore">Only stored data shows the fault.</param>
public sealed record SingleFault(string Rule, string Where, JsonObject Body, int Status, string[] Paths, bool NeedsStore)
{
    public override string ToString() => $"{Rule} at {Where}: {Status} {string.Join(" ", Paths)}";
}
