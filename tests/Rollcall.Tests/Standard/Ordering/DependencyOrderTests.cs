using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Xml.Linq;
using Rollcall.Standard.Loading;
using Rollcall.Standard.Model;
using Rollcall.Standard.Ordering;

namespace Rollcall.Tests.Standard.Ordering;

public sealed class DependencyOrderTests
{
    private static readonly DependencyOrder Order = DependencyOrder.Compute(CompactModelReader.EdFi52);

    [Fact]
    public void Rows_equal_the_approved_order_row_for_row()
    {
        var expected = Approved().Select(r => $"{r!["order"]} {r["resource"]} {string.Join("+", r["operations"]!.AsArray())}");
        var actual = Order.Rows.Select(r => $"{r.Order} {r.Resource.Path} {r.Operations.ToString().Replace(", ", "+", StringComparison.Ordinal)}");

        Assert.Equal(expected, actual);
        Assert.Equal(351, Order.Rows.Length);
    }

    [Fact]
    public void Json_equals_the_approved_file()
    {
        using var stream = new MemoryStream();
        using (var writer = new Utf8JsonWriter(stream))
        {
            DependencyFormats.WriteJson(Order, writer);
        }

        Assert.True(JsonNode.DeepEquals(Approved(), JsonNode.Parse(stream.ToArray())));
    }

    [Fact]
    public void The_graph_has_as_many_edges_as_the_approved_one()
    {
        Assert.Equal(348 + 3, Order.Nodes.Length);
        Assert.Equal(1179, Order.Edges.Length);
        Assert.Equal(Order.Edges.Length, Order.Edges.Distinct().Count());
        Assert.DoesNotContain(Order.Edges, e => e.Source == e.Target);
    }

    [Fact]
    public void Each_reference_is_loaded_before_its_user_but_for_the_five_that_refer_to_themselves()
    {
        var model = JsonNode.Parse(File.ReadAllText(RepositoryRoot.File("src/Rollcall.Standard/Data/ed-fi-5.2.json")))!;
        var first = Order.Rows.GroupBy(r => r.Resource.Endpoint).ToDictionary(g => g.Key, g => g.Min(r => r.Order));
        var endpoints = model["resources"]!.AsObject().ToDictionary(r => r.Value!["name"]!.GetValue<string>(), r => r.Key);
        var inItself = new SortedSet<string>(StringComparer.Ordinal);
        var checkedUses = 0;
        foreach (var (endpoint, resource) in model["resources"]!.AsObject().Where(r => first.ContainsKey(r.Key)))
        {
            foreach (var used in Uses(resource!["properties"]!).Where(first.ContainsKey))
            {
                checkedUses++;
                if (used == endpoint)
                {
                    inItself.Add(endpoint);
                }
                else
                {
                    Assert.True(first[used] < first[endpoint], $"{used} must come before {endpoint}");
                }
            }
        }

        Assert.True(checkedUses > 1000);
        Assert.Equal(
            ["educationContents", "learningStandards", "localEducationAgencies", "objectiveAssessments", "organizationDepartments"], inItself);

        IEnumerable<string> Uses(JsonNode properties) => properties.AsObject().SelectMany(p => p.Value!["type"]!.GetValue<string>() switch
        {
            "descriptor" => model["descriptors"]!.AsObject().Where(d => d.Value!.GetValue<string>() == p.Value["of"]!.GetValue<string>()).Select(d => d.Key),
            "object" => Uses(p.Value["properties"]!),
            "array" => Uses(p.Value["items"]!),
            "reference" when model["abstract"]![p.Value["to"]!.GetValue<string>()] is { } parent => parent["subclasses"]!.AsObject().Select(s => s.Key),
            "reference" => [endpoints[p.Value["to"]!.GetValue<string>()]],
            _ => [],
        });
    }

    [Fact]
    public void Whoever_needs_a_person_waits_for_the_association_that_shows_the_person()
    {
        Assert.Equal(["/ed-fi/studentSchoolAssociations"], Into("/ed-fi/students#Retry"));
        Assert.Contains("/ed-fi/students#Retry", Into("/ed-fi/studentSectionAssociations"));
        Assert.DoesNotContain("/ed-fi/students", Into("/ed-fi/studentSectionAssociations"));
        Assert.Contains("/ed-fi/students", Into("/ed-fi/studentSchoolAssociations"));
        Assert.Contains("/ed-fi/staffs#Retry", Into("/ed-fi/staffSectionAssociations"));
        Assert.Equal(["/ed-fi/studentContactAssociations"], Into("/ed-fi/contacts#Retry"));
    }

    [Fact]
    public void Graphml_lists_every_node_and_edge()
    {
        using var stream = new MemoryStream();
        DependencyFormats.WriteGraphMl(Order, stream);

        var document = XDocument.Parse(Encoding.UTF8.GetString(stream.ToArray()));
        XNamespace ns = "http://graphml.graphdrawing.org/xmlns";
        var graph = document.Root!.Element(ns + "graph")!;
        Assert.Equal(("EdFi Dependencies", "directed"), (graph.Attribute("id")!.Value, graph.Attribute("edgedefault")!.Value));
        Assert.Equal(Order.Nodes.Select(n => n.Id), graph.Elements(ns + "node").Select(n => n.Attribute("id")!.Value));
        Assert.Equal(
            Order.Edges.Select(e => (e.Source.Id, e.Target.Id)),
            graph.Elements(ns + "edge").Select(e => (e.Attribute("source")!.Value, e.Attribute("target")!.Value)));
    }

    [Fact]
    public void A_circle_is_cut_where_documents_can_do_without()
    {
        var order = DependencyOrder.Compute(Circle(isRequired: false));

        Assert.Equal([("/x/bs", 1), ("/x/as", 2)], order.Rows.Select(r => (r.Resource.Path, r.Order)));
    }

    [Fact]
    public void A_circle_of_required_references_is_refused_by_name()
    {
        var failure = Assert.Throws<InvalidDataException>(() => DependencyOrder.Compute(Circle(isRequired: true)));

        Assert.Contains("x/as", failure.Message, StringComparison.Ordinal);
        Assert.Contains("x/bs", failure.Message, StringComparison.Ordinal);
    }

    /// <summary>As require bs; bs name an a in a reference that is required or not.</summary>
    private static DataStandard Circle(bool isRequired)
    {
        string Resource(string name, string other, bool required) => $$"""
            "{{name}}s": {
              "name": "{{name}}", "kind": "entity", "identityUpdates": false, "identity": ["$.{{name}}Id"], "key": { "{{name}}Id": ["$.{{name}}Id"] },
              "properties": {
                "{{name}}Id": { "type": "string", "required": true, "identity": true },
                "{{other}}Reference": { "type": "reference", "to": "{{other}}", "required": {{(required ? "true" : "false")}},
                  "fields": { "{{other}}Id": { "type": "string", "required": true, "target": "$.{{other}}Id" } } }
              },
              "query": {}
            }
            """;
        var model = $$"""
            {
              "format": 1, "project": "X", "version": "1.0.0", "namespace": "x", "abstract": {},
              "descriptor": { "valueMaxLength": 306, "identityUpdates": false, "identity": [], "properties": {}, "query": {} }, "descriptors": {},
              "resources": { {{Resource("a", "b", true)}}, {{Resource("b", "a", isRequired)}} }
            }
            """;
        return CompactModelReader.Read(new MemoryStream(Encoding.UTF8.GetBytes(model)));
    }

    private static JsonArray Approved() => JsonNode.Parse(File.ReadAllText(RepositoryRoot.File("tests/data/dependencies-5.2.json")))!.AsArray();

    private static IEnumerable<string> Into(string target) => Order.Edges.Where(e => e.Target.Id == target).Select(e => e.Source.Id);
}
