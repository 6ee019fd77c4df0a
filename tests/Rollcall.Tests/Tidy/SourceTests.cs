using System.Text.RegularExpressions;

namespace Rollcall.Tests.Tidy;

public sealed partial class SourceTests
{
    private const int LinesMax = 600;

    [Fact]
    public void A_file_of_more_than_600_lines_says_why_in_its_first_lines()
    {
        var silent = SourceFile.Under("", "*.cs")
            .Where(f => SourceFile.Read(f).Split('\n') is { Length: > LinesMax } lines && !lines.Take(15).Any(l => l.Contains("Long because", StringComparison.Ordinal)));

        Findings.None(silent, "Say why: // Long because …");
    }

    [Fact]
    public void Source_holds_nothing_that_waits_to_be_done()
    {
        var source = SourceFile.Under("src", "*.cs");
        Assert.True(source.Count > 50, "Too few files were found for this test to mean anything.");

        Findings.None(source.SelectMany(f => Unfinished().Matches(SourceFile.Read(f)).Select(m => $"{f}: {m.Value}")), "Finish these:");
    }

    [Fact]
    public void No_file_names_a_machine_or_a_private_package_source()
    {
        string[] binary = [".gz", ".png", ".ico", ".woff2", ".db", ".snk"];
        var files = SourceFile.Under("").Where(f => !binary.Contains(Path.GetExtension(f))).ToArray();
        Assert.True(files.Length > 200, "Too few files were found for this test to mean anything.");

        Findings.None(files.SelectMany(f => MachineTraces().Matches(SourceFile.Read(f)).Select(m => $"{f}: {m.Value}")), "These are of one machine:");
        Assert.DoesNotContain(files, f => Path.GetFileName(f).Equals("nuget.config", StringComparison.OrdinalIgnoreCase));
    }

    [Theory]
    [InlineData("x /ho" + "me/ann/x")]
    [InlineData("\"/wo" + "rk/main\"")]
    [InlineData("/ro" + "ot/.nuget")]
    [InlineData("C:\\Us" + "ers\\ann")]
    [InlineData("https://ne" + "xus.example/repository/nu" + "get-proxy/index.json")]
    public void A_machines_trace_is_noticed(string trace) => Assert.Matches(MachineTraces(), trace);

    [GeneratedRegex(@"\b(TODO|FIXME|HACK|XXX)\b|NotImplementedException|NotSupportedException\(\)|Thread\.Sleep")]
    private static partial Regex Unfinished();

    // Written in pieces, so that this file does not match itself.
    [GeneratedRegex(@"(?<![\w.~/])/ho" + @"me/\w|(?<![\w.~/])/ro" + @"ot/[\w.]|(?<![\w.~/}])/wo" + @"rk/(main|wt|shared)|[A-Z]:\\Us" + @"ers\\|ne" + @"xus[.-]|artif" + @"actory|pkgs\.dev|\.in" + @"ternal[:/]|https?://[^\s""]*/nu" + @"get-")]
    private static partial Regex MachineTraces();
}
