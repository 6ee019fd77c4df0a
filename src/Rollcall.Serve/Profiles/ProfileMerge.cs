using System.Text.Json.Nodes;
using Rollcall.Standard.Model;

namespace Rollcall.Serve.Profiles;

/// <summary>Puts what a caller submitted through a profile together with what it can't see of the stored document. Works on trees: a
/// profile's writes are few, and the rules about items are easier to get right so.</summary>
internal sealed class ProfileMerge
{
    private bool _isIncomplete;

    private ProfileMerge()
    {
    }

    /// <param name="stored">The stored document; null when there is none, so that everything submitted is new.</param>
    /// <param name="submitted">The submitted document, already cut to what is visible.</param>
    /// <returns>Null when something new can't be complete, because the profile hides a member that it needs.</returns>
    public static JsonObject? Run(JsonObject? stored, JsonObject submitted, ObjectShape shape)
    {
        var merge = new ProfileMerge();
        var merged = merge.Merge(stored, submitted, shape);
        return merge._isIncomplete ? null : merged;
    }

    private JsonObject Merge(JsonObject? stored, JsonObject submitted, ObjectShape shape)
    {
        _isIncomplete |= stored is null && shape.HidesRequired;
        var merged = new JsonObject();
        for (var i = 0; i < shape.Members.Length; i++)
        {
            var member = shape.Members[i];
            var property = shape.Model.Properties[i];
            var (old, given) = (stored?[property.Name], submitted[property.Name]);
            var value = member.Visibility switch
            {
                Visibility.Hidden => old?.DeepClone(),
                Visibility.Object when given is JsonObject members => Merge(old as JsonObject, members, member.Inner!),

                // It is no object that somebody has or not, but where the extensions stand: those that are hidden stay.
                Visibility.Object when property.Name == DataStandard.ExtensionMember && old is JsonObject extensions =>
                    Merge(extensions, [], member.Inner!) is { Count: > 0 } kept ? kept : null,
                Visibility.Collection => Collection(old as JsonArray, given as JsonArray, property, member),
                _ => given?.DeepClone(),
            };
            if (value is not null)
            {
                merged[property.Name] = value;
            }
        }

        return merged;
    }

    /// <summary>Stored items that the filter hides keep their places; the visible places are filled anew in the order of the request; what is
    /// left over follows the last visible place.</summary>
    private JsonArray? Collection(JsonArray? stored, JsonArray? submitted, PropertyModel property, in MemberShape member)
    {
        var filter = member.Filter;
        var old = stored is null ? [] : stored.ToArray();
        var isHidden = old.Select(item => filter is not null && !filter.Shows(item)).ToArray();
        var byIdentity = new Dictionary<string, JsonObject>(StringComparer.OrdinalIgnoreCase);
        for (var i = 0; i < old.Length; i++)
        {
            if (old[i] is JsonObject item)
            {
                byIdentity.TryAdd(IdentityOf(item, property), item);
            }
        }

        var given = new Queue<JsonNode?>();
        foreach (var item in submitted ?? [])
        {
            given.Enqueue(item is JsonObject members
                ? Merge(byIdentity.GetValueOrDefault(IdentityOf(members, property)), members, member.Inner!)
                : item?.DeepClone());
        }

        var lastVisible = Array.FindLastIndex(isHidden, hidden => !hidden);
        var merged = new JsonArray();
        for (var i = 0; i < old.Length; i++)
        {
            if (isHidden[i])
            {
                merged.Add(old[i]?.DeepClone());
            }
            else if (given.TryDequeue(out var next))
            {
                merged.Add(next);
            }

            if (i == lastVisible)
            {
                AddRest();
            }
        }

        AddRest();
        return merged.Count > 0 ? merged : null;

        void AddRest()
        {
            while (given.TryDequeue(out var next))
            {
                merged.Add(next);
            }
        }
    }

    /// <summary>The values by which an item is told from its siblings; of an item without such, all of it.</summary>
    private static string IdentityOf(JsonObject item, PropertyModel property)
    {
        if (property.UniqueBy.Length == 0)
        {
            return item.ToJsonString();
        }

        return string.Join('\n', property.UniqueBy.Select(path =>
        {
            JsonNode? value = item;
            foreach (var step in path.Split('.').Where(s => s != "$"))
            {
                value = (value as JsonObject)?[step];
            }

            return value?.ToJsonString() ?? "";
        }));
    }
}
