using System.Text;
using Rollcall.Exchange.Client;
using Rollcall.Exchange.Delivery;
using Rollcall.Exchange.Publish;

namespace Rollcall.Tests.Exchange;

/// <summary>Both forms of an API's dependencies, and selections on them.</summary>
public sealed class DependencyGraphTests
{
    private const string GraphMl = """
        <?xml version="1.0" encoding="utf-8"?>
        <graphml xmlns="http://graphml.graphdrawing.org/xmlns"><graph id="EdFi Dependencies" edgedefault="directed">
        <node id="/ed-fi/studentSchoolAssociations"/><node id="/ed-fi/students#Retry"/><node id="/ed-fi/students"/><node id="/ed-fi/schools"/>
        <node id="/ed-fi/gradeLevelDescriptors"/><node id="/tpdm/candidates"/><node id="/ed-fi/grades"/>
        <edge source="/ed-fi/schools" target="/ed-fi/studentSchoolAssociations"/>
        <edge source="/ed-fi/students" target="/ed-fi/studentSchoolAssociations"/>
        <edge source="/ed-fi/gradeLevelDescriptors" target="/ed-fi/studentSchoolAssociations"/>
        <edge source="/ed-fi/studentSchoolAssociations" target="/ed-fi/students#Retry"/>
        <edge source="/ed-fi/students#Retry" target="/ed-fi/grades"/>
        </graph></graphml>
        """;

    [Fact]
    public void GraphML_gives_each_step_after_all_that_it_waits_for()
    {
        var graph = DependencyGraph.Parse(Encoding.UTF8.GetBytes(GraphMl));
        Assert.Equal(7, graph.Steps.Count);
        for (var i = 0; i < graph.Steps.Count; i++)
        {
            Assert.All(graph.Steps[i].Before, b => Assert.True(b < i));
        }

        var repeat = Assert.Single(graph.Steps, s => s.IsRepeat);
        Assert.Equal("students", repeat.Resource.Endpoint);
        Assert.Equal(["studentSchoolAssociations"], repeat.Before.Select(b => graph.Steps[b].Resource.Endpoint));
        Assert.Equal((1, 2, 4), (graph.OrderOf(new("ed-fi", "students")), graph.OrderOf(new("ED-FI", "studentschoolassociations")), graph.OrderOf(new("ed-fi", "grades"))));
    }

    [Fact]
    public void A_real_list_is_read_with_its_orders_and_repeats()
    {
        var graph = DependencyGraph.Parse(File.ReadAllBytes(TestData("dependencies-5.2.json")));
        Assert.Equal(351, graph.Steps.Count);
        Assert.Equal(348, graph.Resources.Count());
        Assert.Equal(["staffs", "students", "contacts"], graph.Steps.Where(s => s.IsRepeat).Select(s => s.Resource.Endpoint));
        Assert.Equal(3, graph.OrderOf(new("ed-fi", "students")));
    }

    [Fact]
    public void Leaving_a_resource_out_keeps_the_order_among_the_others()
    {
        var graph = DependencyGraph.Parse(Encoding.UTF8.GetBytes(GraphMl)).Only(r => r.Endpoint is "schools" or "grades");
        var grades = Assert.Single(graph.Steps, s => s.Resource.Endpoint == "grades");
        Assert.Equal(["schools"], grades.Before.Select(b => graph.Steps[b].Resource.Endpoint));
    }

    [Fact]
    public void A_circle_is_an_error_and_not_an_endless_loop()
    {
        var circle = GraphMl.Replace("</graph>", """<edge source="/ed-fi/grades" target="/ed-fi/schools"/></graph>""", StringComparison.Ordinal);
        Assert.Throws<InvalidDataException>(() => DependencyGraph.Parse(Encoding.UTF8.GetBytes(circle)));
    }

    [Theory]
    [InlineData("")]
    [InlineData("{}")]
    [InlineData("[{}]")]
    [InlineData("<html></html>")]
    [InlineData("not found")]
    public void What_is_no_dependency_metadata_is_an_error(string content) =>
        Assert.Throws<InvalidDataException>(() => DependencyGraph.Parse(Encoding.UTF8.GetBytes(content)));

    [Theory]
    [InlineData(null, null, null, null, false, "candidates,grades,schools,studentSchoolAssociations,students")]
    [InlineData(null, null, null, null, true, "candidates,gradeLevelDescriptors,grades,schools,studentSchoolAssociations,students")]
    [InlineData("studentSchoolAssociations", null, null, null, false, "schools,studentSchoolAssociations,students")]
    [InlineData("/ed-fi/students, tpdm/candidates", null, null, null, false, "candidates,schools,studentSchoolAssociations,students")]
    [InlineData(null, "grades", null, null, false, "grades")]
    [InlineData("students", "grades", null, null, false, "grades,schools,studentSchoolAssociations,students")]
    [InlineData(null, "students", null, null, false, "students")]
    [InlineData(null, null, "students", null, false, "candidates,schools")]
    [InlineData(null, null, null, "students", false, "candidates,grades,schools,studentSchoolAssociations")]
    [InlineData("grades", null, "studentSchoolAssociations", null, true, "gradeLevelDescriptors,schools,students")]
    [InlineData(null, "gradeLevelDescriptors", null, null, false, "gradeLevelDescriptors")]
    public void Include_and_exclude_choose(string? include, string? includeOnly, string? exclude, string? excludeOnly, bool descriptors, string expected)
    {
        var chosen = Selection.Choose(DependencyGraph.Parse(Encoding.UTF8.GetBytes(GraphMl)), include, includeOnly, exclude, excludeOnly, descriptors);
        Assert.Equal(expected.Split(','), chosen.Select(r => r.Endpoint).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void A_repeat_that_the_API_does_not_list_is_made_by_the_table_of_prerequisites()
    {
        var older = GraphMl.Replace("<node id=\"/ed-fi/students#Retry\"/>", "", StringComparison.Ordinal)
            .Replace("students#Retry\" target=\"/ed-fi/grades", "students\" target=\"/ed-fi/grades", StringComparison.Ordinal);
        var graph = DependencyGraph.Parse(Encoding.UTF8.GetBytes(older)).WithRepeats(DeliveryOptions.DefaultUpdatePrerequisites);
        var repeat = Assert.Single(graph.Steps, s => s.IsRepeat);
        Assert.Equal("students", repeat.Resource.Endpoint);
        Assert.Equal(["studentSchoolAssociations", "students"], repeat.Before.Select(b => graph.Steps[b].Resource.Endpoint).Order(StringComparer.Ordinal));
        Assert.Equal((1, 2, 3, 4), (graph.OrderOf(new("ed-fi", "students")), graph.OrderOf(new("ed-fi", "studentSchoolAssociations")), repeat.Order, graph.OrderOf(new("ed-fi", "grades"))));
        Assert.Same(graph, graph.WithRepeats(DeliveryOptions.DefaultUpdatePrerequisites));
    }

    [Fact]
    public void An_unknown_name_in_any_list_is_refused()
    {
        var fault = Assert.Throws<InvalidDataException>(() =>
            Selection.Choose(DependencyGraph.Parse(Encoding.UTF8.GetBytes(GraphMl)), "nosuch", "nosuch2", "a/b/c", "nosuch3", false));
        Assert.Equal(4, fault.Message.Split('\n').Length);
    }

    private static string TestData(string name)
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (Path.Combine(folder.FullName, "tests", "data", name) is var path && File.Exists(path))
            {
                return path;
            }
        }

        throw new FileNotFoundException(name);
    }
}
