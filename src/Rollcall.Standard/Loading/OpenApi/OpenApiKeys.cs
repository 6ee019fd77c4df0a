namespace Rollcall.Standard.Loading.OpenApi;

/// <summary>Works out where the parts of a natural key are in a document: OpenAPI names the parts, and leaves it to the reader to find them below the
/// references that carry them.</summary>
internal static class OpenApiKeys
{
    private const string Suffix = "Reference";

    /// <summary>Each part's name and its paths; several where references carry the same value. Null when the document does not tell.</summary>
    public static IReadOnlyList<KeyValuePair<string, string[]>>? Of(OpenApiResource resource, OpenApiReader document)
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

    /// <summary>As the reference to the resource names them, if anything refers to it; else the marked query parameters; where an API marks only root
    /// members among those, the marked members and what the marked references carry.</summary>
    private static IReadOnlyList<string> NamesOf(OpenApiResource resource, OpenApiReader document, IReadOnlyList<OpenApiMember> members)
    {
        if (new[] { resource.Schema + Suffix, resource.Schema + "_" + Suffix }.FirstOrDefault(document.Has) is { } reference)
        {
            return [.. document.Members(reference).Select(m => m.Name)];
        }

        var marked = members.Where(m => m.IsMarked).ToArray();
        return marked.Any(m => m.IsReference)
            ? [.. marked.SelectMany(m => m.IsReference ? document.Members(m.Schema!).Select(f => KeyName(m, f.Name, resource.Fields) ?? f.Name) : [m.Name]).Distinct()]
            : resource.Marked.Count > 0 ? resource.Marked : [.. marked.Select(m => m.Name)];
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
