using System.Text;
using Microsoft.AspNetCore.Http;
using Rollcall.Serve.Endpoints;
using Rollcall.Serve.Storage;
using Rollcall.Standard.Loading;

namespace Rollcall.Tests.Serve.Endpoints;

public sealed class EntityTagsTests
{
    private static readonly EntityTags Tags = new(CompactModelReader.EdFi52);
    private static string Epoch => Tags.Format(1)[2..10];

    [Fact]
    public void The_three_forms_of_a_tag_agree()
    {
        foreach (var version in (long[])[0, 17, long.MaxValue])
        {
            var bytes = new byte[EntityTags.MaxLength];
            var length = Tags.Write(version, bytes);
            Assert.Equal(Tags.Format(version), Encoding.ASCII.GetString(bytes, 0, length));
            Assert.Equal($"\"{Tags.Format(version)}\"", Tags.Header(version));
            Assert.Matches(@"^\d+-[0-9a-f]{8}\.j\.(_|[0-9a-f]{8})\.[ln]\.[ibg]$", Tags.Format(version));
        }
    }

    public static TheoryData<string, long?, bool> IfMatches => new()
    {
        { $"\"17-{Epoch}.j._.l.i\"", 17, false },
        { $"17-{Epoch}.j._.l.i", 17, false },
        { $" \"17-{Epoch}.j.0123abcd.n.b\" ", 17, false },
        { "*", null, true },
        { "\"*\"", -1, false },
        { $"W/\"17-{Epoch}.j._.l.i\"", -1, false },
        { $"\"17-{Epoch}.j._.l.i\", \"18-{Epoch}.j._.l.i\"", -1, false },
        { "\"17-00000000.j._.l.i\"", -1, false },
        { $"\"17-{Epoch}\"", -1, false },
        { $"\"17-{Epoch}.j._.l.x\"", -1, false },
        { $"\"17-{Epoch}.j.0123ABCD.l.i\"", -1, false },
        { $"\"-17-{Epoch}.j._.l.i\"", -1, false },
        { $"\"99999999999999999999-{Epoch}.j._.l.i\"", -1, false },
        { "", -1, false },
        { "\"", -1, false },
    };

    [Theory]
    [MemberData(nameof(IfMatches))]
    public void If_match_names_one_version_or_none(string header, long? version, bool any) =>
        Assert.Equal(new Precondition(version, any, null, false), Tags.ReadPrecondition(new HeaderDictionary { ["If-Match"] = header }));

    [Fact]
    public void If_none_match_names_any_number_of_versions()
    {
        Assert.Equal(Precondition.None, Tags.ReadPrecondition(new HeaderDictionary()));
        Assert.Equal(Precondition.None, Read("\"x\""));
        Assert.True(Read("*").IfNoneMatchAny);
        Assert.Equal([17L, 18L], Read($"\"17-{Epoch}.j._.l.i\", W/\"18-{Epoch}.j._.l.i\", \"y\"").IfNoneMatch!);

        static Precondition Read(string header) => Tags.ReadPrecondition(new HeaderDictionary { ["If-None-Match"] = header });
    }

    [Fact]
    public void With_both_headers_if_match_alone_counts()
    {
        var read = Tags.ReadPrecondition(new HeaderDictionary { ["If-Match"] = $"17-{Epoch}.j._.l.i", ["If-None-Match"] = "*" });
        Assert.Equal(new Precondition(17, false, null, false), read);
    }
}
