using Rollcall.Standard.Loading;
using Rollcall.Standard.Model;

namespace Rollcall.Tests.Standard.Model;

public sealed class KeyTests
{
    private static readonly DataStandard Standard = CompactModelReader.EdFi52;

    /// <summary>The worked example of "API Resource Keys": five fields, of which the two school ids are one value.
    /// (Its term descriptor is, since Data Standard 3, the session's name.)</summary>
    [Fact]
    public void A_course_offering_has_four_key_values_in_five_fields()
    {
        var offering = Standard.Core("courseOfferings");

        Assert.Equal(["localCourseCode", "schoolId", "schoolYear", "sessionName"], offering.Key.Select(k => k.Name));
        Assert.Equal(5, offering.Identity.Length);
        Assert.Equal(
            ["$.schoolReference.schoolId", "$.sessionReference.schoolId"],
            offering.Key.Single(k => k.Name == "schoolId").Paths.Select(p => p.Text).Order(StringComparer.Ordinal));
        var merged = Assert.Single(offering.Equalities);
        Assert.Equal(["$.schoolReference.schoolId", "$.sessionReference.schoolId"], merged.Paths.Select(p => p.Text).Order(StringComparer.Ordinal));
        Assert.Equal("Course,School,Session", string.Join(",", offering.References.Select(r => r.TargetType)));
    }

    [Fact]
    public void Every_identity_path_carries_a_key_value_and_no_other_path_does()
    {
        Assert.All(Standard.Resources, r => Assert.Equal(
            r.Identity.Select(p => p.Text).Order(StringComparer.Ordinal),
            r.Key.SelectMany(k => k.Paths).Select(p => p.Text).Order(StringComparer.Ordinal)));
        Assert.All(Standard.Resources, r => Assert.All(r.Identity, p => Assert.False(p.IsInCollection)));
    }

    [Fact]
    public void A_reference_has_one_field_per_key_value_of_its_target_in_the_targets_order()
    {
        Assert.All(Standard.Resources.SelectMany(r => r.References), reference =>
        {
            var paths = reference.Target is { } target
                ? target.Key.Select(k => k.Paths.Select(p => p.Text).ToArray()).ToArray()
                : [.. reference.AbstractTarget!.KeyPaths.Select(p => p.ToArray())];
            Assert.Equal(paths.Length, reference.KeyFields.Length);
            Assert.Equal(reference.KeyFields.Length, reference.KeyFields.Distinct().Count());
            Assert.Equal(reference.Property.Members!.Properties.Length, reference.KeyFields.Length);
            for (var i = 0; i < paths.Length; i++)
            {
                Assert.NotEmpty(reference.KeyFields[i].TargetPaths.Intersect(paths[i]));
            }
        });
    }

    [Fact]
    public void A_reference_field_has_the_type_of_the_key_value_it_carries()
    {
        Assert.All(Standard.Resources.SelectMany(r => r.References).Where(r => r.Target is not null), reference =>
            Assert.Equal(
                reference.Target!.Key.Select(k => (k.Leaf.Type, k.Leaf.IntegerBits, k.Leaf.DescriptorType)),
                reference.KeyFields.Select(f => (f.Type, f.IntegerBits, f.DescriptorType))));
    }

    [Fact]
    public void A_subclass_has_its_abstract_key_in_the_same_order_perhaps_renamed()
    {
        Assert.All(Standard.AbstractResources, parent => Assert.All(parent.Subclasses, subclass =>
        {
            Assert.Equal(parent.KeyNames.Length, subclass.Key.Length);
            var renamed = parent.TypeName == "EducationOrganization";
            Assert.Equal(renamed ? [char.ToLowerInvariant(subclass.TypeName[0]) + subclass.TypeName[1..] + "Id"] : parent.KeyNames, subclass.Key.Select(k => k.Name));
        }));
        Assert.Equal("schoolId", Standard.Core("schools").Key.Single().Name);
    }

    [Fact]
    public void Who_refers_to_a_school_includes_those_that_refer_to_any_education_organization()
    {
        var referrers = Standard.Core("schools").Referrers.Select(r => $"{r.Resource.Name.Endpoint} {r.Reference.Path}").ToHashSet();

        Assert.Contains("courseOfferings $.schoolReference", referrers);
        Assert.Contains("courses $.educationOrganizationReference", referrers);
        Assert.DoesNotContain("sections $.courseOfferingReference", referrers);
    }
}
