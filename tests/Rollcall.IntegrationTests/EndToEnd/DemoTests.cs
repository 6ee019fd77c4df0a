using System.Globalization;
using System.Text.RegularExpressions;

namespace Rollcall.IntegrationTests.EndToEnd;

/// <summary>The demo as a newcomer runs it.</summary>
public sealed partial class DemoTests
{
    [Fact]
    public async Task The_demo_ends_with_0_its_second_sync_sends_just_the_changes_and_both_APIs_are_equal()
    {
        var (exitCode, output, errors) = await RollcallCli.RunAsync("demo", "--once", "--port", "0", "--students", "300");

        Assert.True(exitCode == 0, output + errors);
        Assert.Empty(errors);
        var second = SecondSync().Match(output);
        Assert.True(second.Success, output);
        Assert.Equal(second.Groups[1].Value, second.Groups[2].Value);
        Assert.InRange(int.Parse(second.Groups[1].Value, NumberStyles.AllowThousands, CultureInfo.InvariantCulture), 20, 1000);
        Assert.Matches(new Regex(@"✓ Both APIs are equal: [\d,]+ documents in \d+ resources the same, 0 missing, 0 extra, 0\s+different"), output);
        Assert.DoesNotContain("✗", output, StringComparison.Ordinal);
        Assert.True(output.IndexOf("Both APIs are equal", StringComparison.Ordinal) < output.IndexOf("Summary", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_folder_that_is_not_empty_is_refused_and_left_as_it_is()
    {
        using var folder = new TemporaryFolder();
        await File.WriteAllTextAsync(folder.File("mine.txt"), "mine");

        var (exitCode, _, errors) = await RollcallCli.RunAsync("demo", "--once", "--data", folder.Path);

        Assert.Equal(4, exitCode);
        Assert.Contains(folder.Path, errors, StringComparison.Ordinal);
        Assert.Equal(["mine.txt"], Directory.GetFileSystemEntries(folder.Path).Select(Path.GetFileName));
    }

    [GeneratedRegex(@"API counted ([\d,]+) requests to\s+write, exactly\s+the ([\d,]+)\s+that")]
    private static partial Regex SecondSync();
}
