using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace Rollcall.Tests.Tidy;

/// <summary>What a project may see is what keeps the design from drifting.</summary>
public sealed partial class LayoutTests
{
    [Theory]
    [InlineData("Rollcall.Standard", "")]
    [InlineData("Rollcall.Databases", "")]
    [InlineData("Rollcall.Serve", "Rollcall.Databases Rollcall.Standard")]
    [InlineData("Rollcall.Exchange", "Rollcall.Databases Rollcall.Standard")]
    public void A_project_sees_only_what_it_may(string project, string allowed)
    {
        var references = Project(project).Descendants("ProjectReference").Select(r => Path.GetFileNameWithoutExtension(r.Attribute("Include")!.Value.Replace('\\', '/')));

        Assert.Equal(allowed, string.Join(" ", references.Order(StringComparer.Ordinal)));
    }

    [Fact]
    public void Standard_needs_no_packages_and_no_frameworks()
    {
        Assert.Empty(Project("Rollcall.Standard").Descendants("PackageReference"));
        Assert.Empty(Project("Rollcall.Standard").Descendants("FrameworkReference"));
    }

    [Fact]
    public void Databases_knows_nothing_of_the_data_standard()
    {
        Findings.None(SourceFile.Under("src/Rollcall.Databases", "*.cs").Where(f => SourceFile.Read(f).Contains("Rollcall.Standard", StringComparison.Ordinal)), "These do:");
    }

    [Fact]
    public void Packages_have_their_versions_in_one_place_and_each_has_its_reason()
    {
        var packages = XDocument.Load(RepositoryRoot.File("Directory.Packages.props")).Descendants("PackageVersion").Select(p => p.Attribute("Include")!.Value).ToArray();
        var reasons = string.Concat(SourceFile.Under("docs/decisions", "*.md").Where(f => f.Contains("packages", StringComparison.Ordinal)).Select(SourceFile.Read));

        Findings.None(
            SourceFile.Under("", "*.csproj").Where(f => XDocument.Load(RepositoryRoot.File(f)).Descendants("PackageReference").Any(p => p.Attribute("Version") is not null)),
            "Versions belong into Directory.Packages.props:");
        Findings.None(packages.Where(p => !reasons.Contains($"`{p}`", StringComparison.Ordinal)), "No reason in docs/decisions for:");
    }

    [Fact]
    public void Every_path_that_a_document_names_exists()
    {
        var documents = new[] { "ARCHITECTURE.md", "README.md", "CONTRIBUTING.md" }.Concat(SourceFile.Under("docs", "*.md"));
        var named = documents.Where(d => File.Exists(RepositoryRoot.File(d)))
            .SelectMany(d => NamedPath().Matches(SourceFile.Read(d)).Select(m => (Document: d, Path: m.Value.TrimEnd('.', '/', '-')))).Distinct().ToArray();

        Assert.True(named.Length > 20, "Too few paths were found for this test to mean anything.");
        Findings.None(named.Where(n => !File.Exists(RepositoryRoot.File(n.Path)) && !Directory.Exists(RepositoryRoot.File(n.Path))), "There is no:");
    }

    [Fact]
    public void Every_page_that_the_source_names_exists()
    {
        var named = SourceFile.Under("src", "*.cs").SelectMany(f => NamedPage().Matches(SourceFile.Read(f)).Select(m => $"{m.Value}, named by {f}"));

        Findings.None(named.Where(n => !File.Exists(RepositoryRoot.File(n.Split(',')[0]))), "There is no:");
    }

    [Fact]
    public void The_architecture_can_be_read_in_five_minutes() =>
        Assert.InRange(SourceFile.Read("ARCHITECTURE.md").Split('\n').Length, 50, 150);

    [Fact]
    public void A_links_target_exists()
    {
        var broken = SourceFile.Under("", "*.md").SelectMany(d => Link().Matches(SourceFile.Read(d))
            .Select(m => m.Groups[1].Value)
            .Where(t => !t.Contains("://", StringComparison.Ordinal) && !t.StartsWith('#') && !t.StartsWith("mailto:", StringComparison.Ordinal))
            .Select(t => Path.Combine(Path.GetDirectoryName(d)!, t.Split('#')[0]))
            .Where(t => !File.Exists(RepositoryRoot.File(t)) && !Directory.Exists(RepositoryRoot.File(t)))
            .Select(t => $"{d}: {t}"));

        Findings.None(broken, "Links to nothing:");
    }

    private static XDocument Project(string name) => XDocument.Load(RepositoryRoot.File($"src/{name}/{name}.csproj"));

    [GeneratedRegex(@"(?<![\w./-])(?:src|tests|bench|docs|samples|eng)/[\w][\w./-]*")]
    private static partial Regex NamedPath();

    [GeneratedRegex(@"(?<![\w./-])docs/[\w/-]+\.md")]
    private static partial Regex NamedPage();

    [GeneratedRegex(@"\]\(([^)\s]+)\)")]
    private static partial Regex Link();
}
