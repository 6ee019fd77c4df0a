using Rollcall.Serve.Endpoints;
using Rollcall.Standard.Loading;

namespace Rollcall.Tests.Serve.Endpoints;

public sealed class RequestPathTests
{
    private static readonly ResourceRoutes Routes = new(CompactModelReader.EdFi52);

    [Theory]
    [InlineData("", PathFamily.Root, "", "")]
    [InlineData("/", PathFamily.Root, "", "")]
    [InlineData("/data/v3/ed-fi/students", PathFamily.Data, "/data/v3", "ed-fi/students")]
    [InlineData("/DATA/V3/Ed-Fi/Students/", PathFamily.Data, "/data/v3", "Ed-Fi/Students")]
    [InlineData("/data/ed-fi/students", PathFamily.Data, "/data", "ed-fi/students")]
    [InlineData("/data/v33/students", PathFamily.Data, "/data", "v33/students")]
    [InlineData("/data", PathFamily.Data, "/data", "")]
    [InlineData("/data/v3/", PathFamily.Data, "/data/v3", "")]
    [InlineData("/database", PathFamily.Unknown, "", "")]
    [InlineData("/changequeries/V1/x", PathFamily.ChangeQueries, "", "V1/x")]
    [InlineData("/metadata/", PathFamily.Metadata, "", "")]
    [InlineData("/metadata/a/b", PathFamily.Metadata, "", "a/b")]
    [InlineData("/OAuth/Token", PathFamily.Token, "", "")]
    [InlineData("/oauth/token_info/", PathFamily.TokenInfo, "", "")]
    [InlineData("/oauth/token/x", PathFamily.Unknown, "", "")]
    [InlineData("/health", PathFamily.Health, "", "")]
    [InlineData("//data/ed-fi/students", PathFamily.Unknown, "", "")]
    public void A_path_is_sorted_into_its_family(string path, object family, string dataBase, string rest)
    {
        var parsed = RequestPath.Parse(path, "");
        Assert.Equal(family, parsed.Family);
        Assert.Equal(dataBase, parsed.DataBase);
        Assert.Equal(rest, parsed.Rest.ToString());
    }

    [Theory]
    [InlineData("/api/data/ed-fi/students", "/api", PathFamily.Data)]
    [InlineData("/API/data/ed-fi/students", "/api", PathFamily.Data)]
    [InlineData("/data/ed-fi/students", "", PathFamily.Data)]
    [InlineData("/api", "/api", PathFamily.Root)]
    [InlineData("/api/", "/api", PathFamily.Root)]
    [InlineData("/apidata/ed-fi", "", PathFamily.Unknown)]
    public void A_path_base_is_optional(string path, string usedBase, object family)
    {
        var parsed = RequestPath.Parse(path, "/api");
        Assert.Equal(usedBase, parsed.Base);
        Assert.Equal(family, parsed.Family);
    }

    [Theory]
    [InlineData("ed-fi/students", RouteTarget.Collection)]
    [InlineData("Ed-Fi/STUDENTS", RouteTarget.Collection)]
    [InlineData("ed-fi/students/0B6C3C2E-7D8B-4C6E-9A51-94B1C2F3D4E5", RouteTarget.Item)]
    [InlineData("ed-fi/students/0b6c3c2e7d8b4c6e9a5194b1c2f3d4e5", RouteTarget.Item)]
    [InlineData("ed-fi/students/{0b6c3c2e-7d8b-4c6e-9a51-94b1c2f3d4e5}", RouteTarget.MalformedId)]
    [InlineData("ed-fi/students/Deletes", RouteTarget.Deletes)]
    [InlineData("ed-fi/students/KEYCHANGES", RouteTarget.KeyChanges)]
    [InlineData("ed-fi/students/partitions", RouteTarget.Partitions)]
    [InlineData("ed-fi/nothing/x", RouteTarget.MalformedId)]
    [InlineData("ed-fi/nothing/deletes", RouteTarget.Nothing)]
    [InlineData("ed-fi/students/x/y", RouteTarget.Nothing)]
    [InlineData("ed-fi/students/", RouteTarget.Nothing)]
    [InlineData("ed-fi", RouteTarget.Nothing)]
    [InlineData("", RouteTarget.Nothing)]
    [InlineData("/students", RouteTarget.Nothing)]
    public void A_data_path_leads_to_one_target(string rest, object target) => Assert.Equal(target, Routes.Find(rest).Target);
}
