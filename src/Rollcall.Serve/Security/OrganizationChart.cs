using System.Globalization;
using System.Text.Json;
using Rollcall.Serve.Authorization;
using Rollcall.Serve.Queries;
using Rollcall.Serve.Storage;
using Rollcall.Standard.Documents;
using Rollcall.Standard.Model;

namespace Rollcall.Serve.Security;

/// <summary>An education organization as <c>token_info</c> shows it.</summary>
/// <param name="Parents">Ids of those right above it.</param>
internal sealed record ChartedOrganization(ResourceModel Resource, long Id, string Name, IReadOnlyList<long> Parents);

/// <summary>Finds the organizations that a caller reaches and all that are above them, by the same relationships that decide about access.</summary>
internal sealed class OrganizationChart(DataStandard standard, IDocumentStore documents)
{
    private static readonly Strategy Relationship = Strategy.All.First(s => s.Name == "RelationshipsWithEdOrgsOnly");

    private readonly ResourceModel[] _resources =
        [.. standard.AbstractResources.Where(a => a.TypeName == "EducationOrganization").SelectMany(a => a.Subclasses)];

    /// <returns>The claimed organizations that exist with all below them, in order of id; and whatever is above any of them, by id.</returns>
    public async Task<(IReadOnlyList<ChartedOrganization> Reached, IReadOnlyDictionary<long, ChartedOrganization> All)> ReadAsync(
        IReadOnlyList<long> claimed, CancellationToken cancellationToken)
    {
        var all = new Dictionary<long, ChartedOrganization>();
        await AddAsync(all, claimed, Reach.Below, cancellationToken);
        await AddOwnAsync(all, [.. claimed.Where(id => !all.ContainsKey(id))], cancellationToken);
        var reached = all.Values.OrderBy(o => o.Id).ToArray();

        // What is above them; once, unless an organization's kind is not found by its own id.
        var above = all.Values.SelectMany(o => o.Parents).Where(id => !all.ContainsKey(id)).Distinct().ToArray();
        await AddAsync(all, above, Reach.Above, cancellationToken);
        await AddOwnAsync(all, [.. above.Where(id => !all.ContainsKey(id))], cancellationToken);
        return (reached, all);
    }

    private async Task AddAsync(Dictionary<long, ChartedOrganization> all, IReadOnlyList<long> ids, Reach reach, CancellationToken cancellationToken)
    {
        if (ids.Count == 0)
        {
            return;
        }

        var claims = new CallerClaims(ids, []);
        foreach (var resource in _resources)
        {
            var elements = Element.Of(resource);
            var own = elements.Select((e, i) => (e, i)).First(e => e.e.Kind == ElementKind.Organization).i;
            var plan = new AccessPlan(resource, ClaimAction.Read, elements, [], false, [new RelationshipPlan(Relationship, [new ElementCheck(own, reach)])]);
            await QueryAsync(all, resource, Access.To(plan, claims), [], cancellationToken);
        }
    }

    /// <summary>One by one, of the kinds whose access goes by another id than their own (departments).</summary>
    private async Task AddOwnAsync(Dictionary<long, ChartedOrganization> all, long[] ids, CancellationToken cancellationToken)
    {
        foreach (var resource in _resources.Where(r => r.QueryFields[Element.Of(r).First(e => e.Kind == ElementKind.Organization).Field].Name != r.Key[0].Name))
        {
            var field = resource.QueryFields.Select((f, i) => (f, i)).First(f => f.f.Name == resource.Key[0].Name).i;
            foreach (var id in ids)
            {
                await QueryAsync(
                    all, resource, Access.Everything, [new FieldFilter(field, new ScalarValue(true, PropertyType.Integer, null, id, 0))], cancellationToken);
            }
        }
    }

    private async Task QueryAsync(
        Dictionary<long, ChartedOrganization> all, ResourceModel resource, Access access, IReadOnlyList<FieldFilter> filters, CancellationToken cancellationToken)
    {
        var sink = new Sink(resource, standard.ParentOrganizationPaths.GetValueOrDefault(resource.TypeName, []), all);
        for (var offset = 0L; ; offset += PageParameters.LimitMax)
        {
            sink.Count = 0;
            await documents.QueryAsync(
                new QueryPlan(resource, offset, PageParameters.LimitMax, false, null, null, null, filters, false) { Access = access }, sink, cancellationToken);
            if (sink.Count < PageParameters.LimitMax)
            {
                return;
            }
        }
    }

    private sealed class Sink(ResourceModel resource, IEnumerable<string> parents, Dictionary<long, ChartedOrganization> all) : IDocumentSink
    {
        private readonly string[][] _parents = [.. parents.Select(p => p.Split('.')[1..])];

        public int Count { get; set; }

        public void Begin(long? totalCount)
        {
        }

        public void Add(in StoredDocument document)
        {
            Count++;
            using var json = JsonDocument.Parse(document.Body.ToArray());
            var root = json.RootElement;
            var id = root.GetProperty(resource.Key[0].Name).GetInt64();
            all[id] = new ChartedOrganization(
                resource, id, root.TryGetProperty("nameOfInstitution", out var name) ? name.GetString()! : "",
                [.. _parents.Select(p => At(root, p)).OfType<long>()]);
        }

        private static long? At(JsonElement element, string[] path)
        {
            foreach (var step in path)
            {
                if (!element.TryGetProperty(step, out element))
                {
                    return null;
                }
            }

            return element.GetInt64();
        }
    }
}

/// <summary>How <c>token_info</c> writes an organization.</summary>
internal static class ChartedOrganizationJson
{
    /// <summary>The organization, and one member for each on the way up; of several of one kind, the nearest.</summary>
    public static void Write(Utf8JsonWriter json, ChartedOrganization organization, IReadOnlyDictionary<long, ChartedOrganization> all)
    {
        json.WriteStartObject();
        json.WriteNumber("education_organization_id", organization.Id);
        json.WriteString("name_of_institution", organization.Name);
        json.WriteString("type", $"{Schema(organization.Resource)}.{organization.Resource.TypeName}");
        var written = new HashSet<string>(StringComparer.Ordinal);
        var seen = new HashSet<long>();
        var level = new List<ChartedOrganization> { organization };
        while (level.Count > 0)
        {
            foreach (var one in level.Where(o => seen.Add(o.Id)))
            {
                var name = Snake(one.Resource.TypeName) + "_id";
                if (written.Add(name))
                {
                    json.WriteNumber(name, one.Id);
                }
            }

            level = [.. level.SelectMany(o => o.Parents).Where(id => !seen.Contains(id)).Select(all.GetValueOrDefault).OfType<ChartedOrganization>()];
        }

        json.WriteEndObject();
    }

    private static string Schema(ResourceModel resource) => resource.Name.Namespace == "ed-fi" ? "edfi" : resource.Name.Namespace;

    private static string Snake(string name) => string.Concat(name.Select((c, i) =>
        char.IsAsciiLetterUpper(c) ? (i > 0 ? "_" : "") + char.ToLower(c, CultureInfo.InvariantCulture) : c.ToString()));
}
