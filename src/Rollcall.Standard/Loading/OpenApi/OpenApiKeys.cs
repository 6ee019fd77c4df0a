using System.Text.Json;
using Rollcall.Standard.Model;

namespace Rollcall.Standard.Loading.OpenApi;

/// <summary>Works out where the parts of a natural key are in a document: OpenAPI names the parts, and leaves it to the reader to find them below the
/// references that carry them.</summary>
public static class OpenApiKeys
{
    private const string Suffix = "Reference";

    /// <summary>The natural keys that an OpenAPI document tells: for each part one path, <c>$.schoolReference.schoolId</c>. Where several references carry the
    /// part, they carry the same value.</summary>
    public static IEnumerable<(ResourceName Resource, IReadOnlyList<string> Paths)> In(JsonElement openApi)
    {
        var document = new OpenApiReader(openApi);
        foreach (var resource in document.Resources())
        {
            if (Of(resource, document) is { } key)
            {
                yield return (resource.Name, [.. key.Select(k => k.Value[0])]);
            }
        }
    }

    /// <summary>Each part's name and its paths; several where references carry the same value. Null when the document does not tell.</summary>
    internal static IReadOnlyList<KeyValuePair<string, string[]>>? Of(OpenApiResource resource, OpenApiReader document)
    {
        var members = document.Members(resource.Schema);
        var names = NamesOf(resource, document, members);
        var key = new List<KeyValuePair<string, string[]>>();
        var places = Places(members, document, names).ToArray();
        foreach (var name in names)
        {
            var paths = places.Where(p => p.KeyName == name).Select(p => p.Path).ToArray();
            if (paths.Length == 0)
            {
                return null;
            }

            key.Add(new KeyValuePair<string, string[]>(name, paths));
        }

        return key.Count == 0 ? null : key;
    }

    /// <summary>As the reference to the resource names them, if anything refers to it; else the marked query parameters; where an API marks members alone,
    /// the marked ones and what the references carry that are marked, or, where none is, the marked fields of the required ones.</summary>
    private static IReadOnlyList<string> NamesOf(OpenApiResource resource, OpenApiReader document, IReadOnlyList<OpenApiMember> members)
    {
        if (new[] { resource.Schema + Suffix, resource.Schema + "_" + Suffix }.FirstOrDefault(document.Has) is { } reference)
        {
            return [.. document.Members(reference).Select(m => m.Name)];
        }

        var areReferencesMarked = members.Any(m => m.IsReference && m.IsMarked);
        return !areReferencesMarked && resource.Marked.Count > 0
            ? resource.Marked
            : [.. members.SelectMany(m => m.IsReference ? Carried(m) : m.IsMarked ? [m.Name] : []).Distinct()];

        IEnumerable<string> Carried(OpenApiMember member) => document.Members(member.Schema!)
            .Where(f => areReferencesMarked ? member.IsMarked : member.IsRequired && f.IsMarked)
            .Select(f => KeyName(member, f.Name, resource.Fields) ?? f.Name);
    }

    private static IEnumerable<(string KeyName, string Path)> Places(IReadOnlyList<OpenApiMember> members, OpenApiReader document, IReadOnlyList<string> names)
    {
        // Where an API marks references, those without a mark are no part of the key; some mark the fields only. Then a reference belongs to the key
        // when all that it carries does, and no member of the document itself is that part.
        var areReferencesMarked = members.Any(m => m.IsReference && m.IsMarked);
        var own = members.Where(m => m.IsRequired && m.Schema is null && !m.IsArray && names.Contains(m.Name)).Select(m => m.Name).ToArray();
        foreach (var member in members.Where(m => m.IsRequired))
        {
            if (own.Contains(member.Name))
            {
                yield return (member.Name, "$." + member.Name);
            }
            else if (member.IsReference && (member.IsMarked || !areReferencesMarked))
            {
                var fields = document.Members(member.Schema!).Select(f => (f.Name, Key: KeyName(member, f.Name, names))).ToArray();
                foreach (var (field, key) in fields.Where(f => f.Key is not null && (areReferencesMarked || fields.All(o => o.Key is not null && !own.Contains(o.Key)))))
                {
                    yield return (key!, $"$.{member.Name}.{field}");
                }
            }
        }
    }

    /// <summary>A value below a reference has the field's own name in the key, or one with the reference's name or role before it:
    /// <c>programEducationOrganizationId</c>, <c>graduationSchoolYear</c>.</summary>
    private static string? KeyName(OpenApiMember reference, string field, IReadOnlyList<string> names)
    {
        var name = reference.Name[..^Suffix.Length];
        var type = reference.TargetType;
        var role = name.EndsWith(type, StringComparison.Ordinal) ? name[..^type.Length] : "";
        return new[] { role + OpenApiReader.Pascal(field), name + OpenApiReader.Pascal(field), field }.FirstOrDefault(names.Contains);
    }
}
