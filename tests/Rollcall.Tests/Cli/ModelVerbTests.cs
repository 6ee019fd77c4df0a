using System.Text.Json.Nodes;
using Rollcall.Tests.Standard.Loading;

namespace Rollcall.Tests.Cli;

public sealed class ModelVerbTests
{
    [Fact]
    public async Task Show_prints_the_handbook_page_of_a_resource()
    {
        var run = await RollcallProcess.RunAsync("model", "show", "courseOfferings");

        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        var lines = run.Output.Split('\n').Select(l => l.TrimEnd()).ToArray();
        Assert.All(lines, l => Assert.True(l.Length <= 100, l));
        Assert.Contains("  localCourseCode                        string(60)        required  key", lines);
        Assert.Contains("  schoolId         int64             schoolReference.schoolId and sessionReference.schoolId", lines);
        Assert.Contains("same as sessionReference.schoolId", run.Output, StringComparison.Ordinal);
        Assert.Contains("  sections  courseOfferingReference", lines);
        Assert.Contains("  courseReference   courses   required", lines);
    }

    [Theory]
    [InlineData("CourseOffering")]
    [InlineData("/ed-fi/courseOfferings")]
    [InlineData("ED-FI/COURSEOFFERINGS")]
    public async Task Show_finds_a_resource_by_each_of_its_names(string name)
    {
        var run = await RollcallProcess.RunAsync("model", "show", name, "--json");

        Assert.Equal(0, run.ExitCode);
        var page = JsonNode.Parse(run.Output)!;
        Assert.Equal(("done", "/ed-fi/courseOfferings"), ((string)page["outcome"]!, (string)page["resource"]!));
        Assert.Equal(4, page["key"]!.AsArray().Count);
    }

    [Fact]
    public async Task Extensions_are_listed_shown_and_ordered_like_the_core()
    {
        string[] extension = ["--extension", ExtensionModels.Path("sample"), "--extension", ExtensionModels.Path("homograph")];
        var list = await RollcallProcess.RunAsync(["model", "list", "school", .. extension]);
        Assert.Equal((0, ""), (list.ExitCode, list.Error));
        Assert.Matches("(?m)^ *schools +entity +schoolId", list.Output);
        Assert.Matches("(?m)^ *homograph/schools +entity +schoolName", list.Output);

        var bus = await RollcallProcess.RunAsync(["model", "show", "buses", "--json", .. extension]);
        Assert.Equal("/sample/buses", (string)JsonNode.Parse(bus.Output)!["resource"]!);
        var school = await RollcallProcess.RunAsync(["model", "show", "schools", .. extension]);
        Assert.Contains("directlyOwnedBuses", school.Output, StringComparison.Ordinal);
        Assert.Contains("sample/buses", school.Output, StringComparison.Ordinal);

        var order = JsonNode.Parse((await RollcallProcess.RunAsync(["model", "dependencies", "--json", .. extension])).Output)!.AsArray()
            .ToLookup(r => (string)r!["resource"]!, r => (int)r!["order"]!);
        Assert.True(order["/ed-fi/schools"].Single() > order["/sample/buses"].Single());

        var broken = await RollcallProcess.RunAsync("model", "list", "--extension", "no-such-file.json");
        Assert.Equal((4, ""), (broken.ExitCode, broken.Output));
        Assert.Contains("no-such-file.json", broken.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("courseOfering", "courseOfferings")]
    [InlineData("stduents", "students")]
    [InlineData("offerings", "courseOfferings")]
    public async Task A_wrong_name_is_refused_with_the_nearest(string wrong, string nearest)
    {
        var run = await RollcallProcess.RunAsync("model", "show", wrong);

        Assert.Equal((4, ""), (run.ExitCode, run.Output));
        Assert.Contains($"'{wrong}'. Did you mean {nearest}", run.Error, StringComparison.Ordinal);
        Assert.StartsWith("rollcall model show: ", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_abstract_resource_shows_its_kinds()
    {
        var run = await RollcallProcess.RunAsync("model", "show", "EducationOrganization");

        Assert.Equal(0, run.ExitCode);
        Assert.Contains("Resources of this kind (9)", run.Output, StringComparison.Ordinal);
        Assert.Contains("  schools                        schoolId", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task List_has_one_line_per_resource_and_can_be_searched()
    {
        var all = await RollcallProcess.RunAsync("model", "list");
        var some = await RollcallProcess.RunAsync("model", "list", "section", "--json");
        var none = await RollcallProcess.RunAsync("model", "list", "zebra");

        Assert.Equal(1 + 138, all.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
        var names = JsonNode.Parse(some.Output)!["resources"]!.AsArray().Select(r => (string)r!["resource"]!).ToArray();
        Assert.Contains("/ed-fi/sections", names);
        Assert.All(names, n => Assert.Contains("section", n, StringComparison.OrdinalIgnoreCase));
        Assert.Equal((4, ""), (none.ExitCode, none.Output));
    }

    [Fact]
    public async Task Dependencies_as_json_are_what_the_api_serves()
    {
        var run = await RollcallProcess.RunAsync("model", "dependencies", "--json");

        Assert.Equal(0, run.ExitCode);
        Assert.True(JsonNode.DeepEquals(
            JsonNode.Parse(await File.ReadAllTextAsync(RepositoryRoot.File("tests/data/dependencies-5.2.json"))), JsonNode.Parse(run.Output)));
    }

    [Fact]
    public async Task Import_is_refused_by_name()
    {
        var run = await RollcallProcess.RunAsync("model", "import", "extension.json");

        Assert.Equal((4, ""), (run.ExitCode, run.Output));
        Assert.Contains("model import", run.Error, StringComparison.Ordinal);
    }
}
