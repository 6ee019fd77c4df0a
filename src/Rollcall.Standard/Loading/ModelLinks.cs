using System.Collections.Immutable;
using Rollcall.Standard.Model;

namespace Rollcall.Standard.Loading;

/// <summary>Joins the resources of a model to one another: subclasses, references, who refers to whom.</summary>
internal static class ModelLinks
{
    /// <exception cref="InvalidDataException">A reference names no resource, or not all of its target's key.</exception>
    public static void Link(IReadOnlyList<ResourceDraft> drafts, ImmutableArray<ResourceModel> resources, ImmutableArray<AbstractResourceModel> abstracts, string core)
    {
        var byType = resources.ToDictionary(r => (r.Name.Namespace, r.TypeName));
        var abstractByType = abstracts.ToDictionary(a => a.TypeName, StringComparer.Ordinal);
        foreach (var (draft, resource) in drafts.Zip(resources))
        {
            if (draft.Body.TryGetProperty("subclassOf", out var parent))
            {
                var name = parent.GetProperty("name").GetString()!;
                resource.SubclassOf = abstractByType.GetValueOrDefault(name) ?? throw new InvalidDataException($"{resource} is a kind of {name}, which the model does not have.");
                resource.SubclassOf.Subclasses = resource.SubclassOf.Subclasses.Add(resource);
                if (resource.Key.Length != resource.SubclassOf.KeyNames.Length)
                {
                    throw new InvalidDataException($"{resource} has a key of {resource.Key.Length} values, and {name}, which it is a kind of, one of {resource.SubclassOf.KeyNames.Length}.");
                }
            }
        }

        var referrers = resources.ToDictionary(r => r, _ => ImmutableArray.CreateBuilder<Referrer>());
        foreach (var resource in resources)
        {
            foreach (var reference in resource.References)
            {
                LinkReference(resource, reference, byType, property => property.ReferenceNamespace == core ? abstractByType.GetValueOrDefault(property.ReferenceTo!) : null);
                foreach (var target in reference.Targets)
                {
                    referrers[target].Add(new Referrer(resource, reference));
                }
            }
        }

        foreach (var (resource, list) in referrers)
        {
            resource.Referrers = list.ToImmutable();
        }
    }

    private static void LinkReference(
        ResourceModel resource, ReferenceModel reference,
        Dictionary<(string, string), ResourceModel> byType, Func<PropertyModel, AbstractResourceModel?> abstractOf)
    {
        var property = reference.Property;
        reference.AbstractTarget = abstractOf(property);
        reference.Target = reference.AbstractTarget is null ? byType.GetValueOrDefault((property.ReferenceNamespace, reference.TargetType)) : null;
        var keyPaths = reference.AbstractTarget?.KeyPaths
            ?? reference.Target?.Key.Select(k => k.Paths.Select(p => p.Text).ToImmutableArray()).ToImmutableArray()
            ?? throw new InvalidDataException($"{resource}: {reference} names no resource of {property.ReferenceNamespace}.");
        reference.KeyFields = [.. keyPaths.Select(paths => property.Members!.Properties
            .Where(f => f.TargetPaths.Any(t => paths.Contains(t))).Take(2).ToArray() is [var field]
                ? field
                : throw new InvalidDataException($"{resource}: {reference} has not exactly one field for {string.Join(" = ", paths)}, which is in the key of {reference.TargetType}."))];
    }
}
