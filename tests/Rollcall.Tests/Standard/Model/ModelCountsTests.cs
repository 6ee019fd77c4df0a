using System.Text.Json.Nodes;
using Rollcall.Standard.Loading;
using Rollcall.Standard.Model;

namespace Rollcall.Tests.Standard.Model;

/// <summary>The loaded model has as many of everything as the standard's own sources say.</summary>
public sealed class ModelCountsTests
{
    private static readonly DataStandard Standard = CompactModelReader.EdFi52;
    private static readonly ResourceModel[] Resources = [.. Standard.Resources.Where(r => !r.IsDescriptor)];

    [Theory]
    [InlineData(ResourceKind.Entity, 95)]
    [InlineData(ResourceKind.Association, 42)]
    [InlineData(ResourceKind.Enumeration, 1)]
    [InlineData(ResourceKind.Descriptor, 211)]
    public void Resources_of_each_kind(ResourceKind kind, int expected) =>
        Assert.Equal(expected, Standard.Resources.Count(r => r.Kind == kind));

    [Fact]
    public void References()
    {
        var references = Resources.SelectMany(r => r.References).ToArray();
        Assert.Equal(318, references.Length);
        Assert.Equal(54, references.Count(r => r.TargetType == "EducationOrganization"));
        Assert.Equal(1, references.Count(r => r.TargetType == "GeneralStudentProgramAssociation"));
        Assert.Equal(17, references.Count(r => r.TargetType == "SchoolYearType"));
        Assert.Equal(61, references.Count(r => r.Property.Role is not null));
        Assert.Equal(53, references.Count(r => r.IsInCollection));
        Assert.Equal(38, Resources.Count(r => r.References.Any(x => x.IsInCollection)));
    }

    [Fact]
    public void Properties()
    {
        var all = Resources.SelectMany(r => Below(r.Root)).ToArray();
        var arrays = all.Where(p => p.Type == PropertyType.Array).ToArray();
        Assert.Equal(327, arrays.Length);
        Assert.Equal(20, arrays.Count(a => a.IsRequired));
        Assert.Equal(20, arrays.Count(a => a.MinItems == 1));
        Assert.Equal(148, arrays.Count(a => a.Members!.Properties.Length == 1));
        Assert.Equal(7, all.Count(p => p.Type == PropertyType.Object));
        Assert.Equal(4, all.Count(p => p.IsDeprecated));
        Assert.Equal(2378, all.Count(p => p.Members is null));
    }

    [Fact]
    public void Keys_queries_and_unified_members()
    {
        Assert.Equal(1188, Resources.Sum(r => r.QueryFields.Length));
        Assert.Equal(64, Resources.Sum(r => r.Equalities.Count(e => !e.IsDmsOnly)));
        Assert.Equal(33, Resources.Count(r => r.Equalities.Any(e => !e.IsDmsOnly)));
        Assert.Equal(2, Resources.Sum(r => r.Equalities.Count(e => e.IsDmsOnly)));
        Assert.Equal(8, Resources.Count(r => r.AllowsKeyChange));
        Assert.Equal([("EducationOrganization", 9), ("GeneralStudentProgramAssociation", 10)], Standard.AbstractResources.Select(a => (a.TypeName, a.Subclasses.Length)));
    }

    [Fact]
    public void Standard_descriptor_values_all_belong_to_a_descriptor_of_the_model()
    {
        using var lines = new StreamReader(CompactModelReader.OpenStandardDescriptors());
        var resources = new List<string>();
        while (lines.ReadLine() is { } line)
        {
            resources.Add((string)JsonNode.Parse(line)!["resource"]!);
        }

        Assert.Equal(3298, resources.Count);
        Assert.Equal(202, resources.Distinct().Count());
        Assert.All(resources.Distinct(), r => Assert.True(Standard.Core(r).IsDescriptor));
    }

    private static IEnumerable<PropertyModel> Below(ObjectModel members) =>
        members.Properties.SelectMany(p => p.Members is { } inner ? Below(inner).Prepend(p) : [p]);
}
