using System.Collections.Concurrent;
using System.Text;
using System.Text.Json;
using Rollcall.Exchange.Client;
using Rollcall.Exchange.Sync.Mapping;
using Rollcall.Standard.Documents;
using Rollcall.Standard.Model;

namespace Rollcall.Exchange.Sync;

/// <summary>The descriptors that the target has, of the types that a mapping uses: read once a run, so that an unknown one is
/// reported in words before anything is sent.</summary>
internal sealed class TargetDescriptors
{
    private const int PageSize = 500;
    private readonly DescriptorSet _known = new(0);
    private readonly ConcurrentDictionary<int, bool> _read = new();

    /// <summary>Types that the target would not show us; their values are taken as they are.</summary>
    public ConcurrentBag<string> Unreadable { get; } = [];

    /// <exception cref="ApiException">The target cannot be reached.</exception>
    public static async Task<TargetDescriptors> ReadAsync(
        EdFiClient target, DataStandard standard, IReadOnlyList<DocumentTemplate> templates, CancellationToken cancellationToken)
    {
        var descriptors = new TargetDescriptors();
        var types = templates.SelectMany(Types).Select(standard.DescriptorOf).Distinct();
        var limits = new ParallelOptions { MaxDegreeOfParallelism = 8, CancellationToken = cancellationToken };
        await Parallel.ForEachAsync(types, limits, (type, token) => descriptors.ReadAsync(target, type, token));
        foreach (var binding in templates.SelectMany(t => t.Bindings.Concat(t.Children.SelectMany(c => c.Bindings))))
        {
            foreach (var value in binding.Crosswalk?.Values ?? [])
            {
                value.IsUnknownToTarget = !descriptors.Has(standard.DescriptorOf(binding.Property), value.Uri!);
            }
        }

        return descriptors;
    }

    public bool Has(ResourceModel type, string uri) => !_read.ContainsKey(type.Index) || _known.Find(type, uri) is not null;

    private static IEnumerable<PropertyModel> Types(DocumentTemplate template) =>
        template.Bindings.Concat(template.Children.SelectMany(c => c.Bindings)).SelectMany(b => Types(b.Property));

    private static IEnumerable<PropertyModel> Types(PropertyModel property) =>
        property.Type == PropertyType.Descriptor ? [property] : property.Members?.Properties.SelectMany(Types) ?? [];

    private async ValueTask ReadAsync(EdFiClient target, ResourceModel type, CancellationToken cancellationToken)
    {
        for (var offset = 0; ; offset += PageSize)
        {
            var answer = await target.ReadAsync(
                new Uri(FormattableString.Invariant($"{target.AddressOf(type.Name).AbsoluteUri}?offset={offset}&limit={PageSize}")), Fault, cancellationToken);
            using var body = answer.Body;
            if (answer.Failure is { } failure)
            {
                if (failure.Kind is FailureKind.Forbidden or FailureKind.NotFound)
                {
                    Unreadable.Add(type.TypeName);
                    _read.TryRemove(type.Index, out _);
                    return;
                }

                throw new ApiException(failure with { Reach = FailureReach.Run }, $"{type.Name} cannot be read: {failure.Message}");
            }

            using var page = JsonDocument.Parse(body.Bytes);
            foreach (var item in page.RootElement.EnumerateArray())
            {
                var entry = new DescriptorEntry(
                    type, 1, default, item.GetProperty("namespace").GetString()!.Normalize(NormalizationForm.FormC),
                    item.GetProperty("codeValue").GetString()!.Normalize(NormalizationForm.FormC));
                _known.Add(entry, 0);
            }

            _read[type.Index] = true;
            if (page.RootElement.GetArrayLength() < PageSize)
            {
                return;
            }
        }
    }

    /// <summary>A page of a gateway's own, for example, is no page of descriptors.</summary>
    private static string? Fault(ReadOnlyMemory<byte> bytes)
    {
        const string fault = "the page is no JSON array of descriptors";
        try
        {
            using var page = JsonDocument.Parse(bytes);
            return page.RootElement.ValueKind == JsonValueKind.Array && page.RootElement.EnumerateArray().All(d => d.ValueKind == JsonValueKind.Object
                && d.TryGetProperty("namespace", out var name) && name.ValueKind == JsonValueKind.String
                && d.TryGetProperty("codeValue", out var code) && code.ValueKind == JsonValueKind.String) ? null : fault;
        }
        catch (JsonException)
        {
            return fault;
        }
    }
}
