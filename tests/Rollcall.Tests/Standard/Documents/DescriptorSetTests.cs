using System.Text;
using Rollcall.Standard.Documents;
using Rollcall.Standard.Loading;

namespace Rollcall.Tests.Standard.Documents;

/// <summary>Looking descriptors up by text or bytes.</summary>
public sealed class DescriptorSetTests
{
    [Theory]
    [InlineData("uri://ed-fi.org/GradeLevelDescriptor#Tenth grade", "URI://ED-FI.ORG/gradeleveldescriptor#tENTH GRADE")]
    [InlineData("uri://a#Élève", "uri://a#éLÈVE")]
    [InlineData("uri://a#𐐨", "uri://a#𐐀")]
    public void Letter_case_does_not_count(string stored, string sought)
    {
        var type = CompactModelReader.EdFi52.Core("gradeLevelDescriptors");
        var parts = stored.Split('#');
        var entry = new DescriptorEntry(type, 1, Guid.NewGuid(), parts[0], parts[1]);
        var set = new DescriptorSet(4);
        set.Add(entry, 17);
        foreach (var text in new[] { stored, sought })
        {
            Assert.Same(entry, set.Find(type, text.AsSpan()));
            Assert.Same(entry, set.Find(type, Encoding.UTF8.GetBytes(text).AsSpan()));
        }

        Assert.Null(set.Find(type, (stored + "x").AsSpan()));
        Assert.Null(set.Find(CompactModelReader.EdFi52.Core("academicSubjectDescriptors"), stored.AsSpan()));
        Assert.Equal((4L, 17L), (set.DeleteEpoch, set.Version));
        Assert.Equal([entry], set.All);
    }

    [Fact]
    public void Very_long_texts_are_looked_up_too()
    {
        var type = CompactModelReader.EdFi52.Core("gradeLevelDescriptors");
        var set = new DescriptorSet(0);
        Assert.Null(set.Find(type, new string('é', 100_000).AsSpan()));
        Assert.Null(set.Find(type, Encoding.UTF8.GetBytes(new string('x', 100_000)).AsSpan()));
    }

    [Fact]
    public void Its_version_never_falls()
    {
        var type = CompactModelReader.EdFi52.Core("gradeLevelDescriptors");
        var set = new DescriptorSet(0);
        set.Add(new DescriptorEntry(type, 1, Guid.NewGuid(), "uri://a", "1"), 9);
        set.Add(new DescriptorEntry(type, 2, Guid.NewGuid(), "uri://a", "2"), 5);
        Assert.Equal(9, set.Version);
    }
}
