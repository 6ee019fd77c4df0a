using System.Text.Json;
using System.Text.Json.Nodes;
using Rollcall.Standard.Keys;
using Rollcall.Standard.Model;

namespace Rollcall.Serve.Storage;

/// <summary>Puts changed keys into a stored body: into every reference to a document whose key has changed, and into what the model merges
/// with the reference's fields in the same object or array item (<c>ed-fi-api-data.md</c> 5.5).</summary>
internal static class ReferencePatch
{
    /// <param name="body">A stored body, links and all.</param>
    /// <returns>The body with the new keys, no longer in canonical form; null when it mentions no changed key.</returns>
    public static byte[]? Apply(ResourceModel resource, ReadOnlySpan<byte> body, KeyChanges changes)
    {
        var root = JsonNode.Parse(body)!.AsObject();

        // 1. What must change is found before anything does: a reference is known by the key that it has.
        var found = new List<(ReferenceModel Reference, Place Place, KeyChange Change)>();
        foreach (var reference in resource.References)
        {
            foreach (var place in Places(root, reference.Path))
            {
                if (changes.Find(reference, KeyOf(reference, place.Value)) is { } change)
                {
                    found.Add((reference, place, change));
                }
            }
        }

        // 2. The new keys, and each value that is one with a changed one.
        foreach (var (reference, place, change) in found)
        {
            for (var i = 0; i < reference.KeyFields.Length; i++)
            {
                var field = reference.KeyFields[i].Name;
                var value = change.Values[i]!;
                if (!JsonNode.DeepEquals(place.Value[field], value))
                {
                    place.Value[field] = value.DeepClone();
                    Spread(resource, $"{reference.Path.Text}.{field}", place.Item, value);
                }
            }
        }

        return found.Count == 0 ? null : JsonSerializer.SerializeToUtf8Bytes(root, StoredJsonContext.Default.JsonObject);
    }

    /// <summary>Sets the members that the model merges with the one at <paramref name="path"/>, as far as they stand in the same item.</summary>
    private static void Spread(ResourceModel resource, string path, JsonObject item, JsonNode value)
    {
        foreach (var set in resource.Equalities)
        {
            // What only DMS compares is not merged: a document may have two values there, in either setting, and keeps them.
            if (set.IsDmsOnly || !set.Paths.Any(p => p.Text == path))
            {
                continue;
            }

            foreach (var other in set.Paths)
            {
                if (other.Text != path && ItemPath(other.Text) == ItemPath(path)
                    && Owner(item, other.Text[(ItemPath(other.Text).Length + 1)..]) is { } owner
                    && owner.ContainsKey(other.Leaf.Name) && !JsonNode.DeepEquals(owner[other.Leaf.Name], value))
                {
                    owner[other.Leaf.Name] = value.DeepClone();
                    Spread(resource, other.Text, item, value);
                }
            }
        }
    }

    /// <summary>The path of the innermost array item, or of the root, that a path leads into.</summary>
    private static string ItemPath(string path) => path.LastIndexOf("[*]", StringComparison.Ordinal) is var end && end < 0 ? "$" : path[..(end + 3)];

    private static JsonObject? Owner(JsonObject item, string relative)
    {
        var steps = relative.Split('.');
        var owner = item;
        for (var i = 0; i < steps.Length - 1 && owner is not null; i++)
        {
            owner = owner[steps[i]] as JsonObject;
        }

        return owner;
    }

    private static List<Place> Places(JsonObject root, PropertyPath path)
    {
        var places = new List<Place>();
        Descend(root, root, 0);
        return places;

        void Descend(JsonObject item, JsonObject owner, int step)
        {
            switch (owner[path.Steps[step].Name])
            {
                case JsonObject value when step == path.Steps.Length - 1:
                    places.Add(new Place(item, value));
                    break;
                case JsonObject inner:
                    Descend(item, inner, step + 1);
                    break;
                case JsonArray items:
                    foreach (var next in items)
                    {
                        Descend(next!.AsObject(), next.AsObject(), step + 1);
                    }

                    break;
            }
        }
    }

    /// <summary>The hash that the target has as its own key; the values stand in the body in their canonical spelling.</summary>
    private static KeyHash KeyOf(ReferenceModel reference, JsonObject value)
    {
        var key = new CanonicalKey(stackalloc byte[256]);
        foreach (var field in reference.KeyFields)
        {
            var node = value[field.Name]!.AsValue();
            if (node.GetValueKind() == JsonValueKind.String)
            {
                key.Append(node.GetValue<string>());
            }
            else
            {
                key.Append(node.ToJsonString());
            }
        }

        return key.Hash();
    }

    /// <param name="Item">The array item, or the root, that the reference stands in.</param>
    /// <param name="Value">The reference itself.</param>
    private readonly record struct Place(JsonObject Item, JsonObject Value);
}
