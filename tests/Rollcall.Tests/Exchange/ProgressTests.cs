using Rollcall.Cli;

namespace Rollcall.Tests.Exchange;

/// <summary>The line that a running verb shows.</summary>
public sealed class ProgressTests
{
    [Fact]
    public void The_line_tells_what_was_reached_how_fast_and_when_it_ends() => Assert.Equal(
        "1,500 checked, 8,600 to do, 1,350 done, 50 failed, 20 held, 700 requests/s (64 in flight), 00:00:43 left",
        Progress.Line(new ProgressSnapshot(10_000, 1_500, 1_350, 50, 20, 9_999, 64), 700, 200));

    [Fact]
    public void What_nobody_knows_is_left_out() => Assert.Equal(
        "5 checked, 5 done, 0 failed, 0 held, 1 requests/s",
        Progress.Line(new ProgressSnapshot(0, 5, 5, 0, 0, 5, 0), 1, 1));

    [Fact]
    public async Task Elsewhere_than_on_a_terminal_a_plain_line_comes_at_each_interval()
    {
        var time = new ManualTime();
        var output = new StringWriter();
        await using (Progress.Start(() => new ProgressSnapshot(0, 5, 5, 0, 0, 5, 0), output, isTerminal: false, TimeSpan.FromSeconds(10), time))
        {
            time.Advance(TimeSpan.FromSeconds(9));
            Assert.Empty(output.ToString());
            time.Advance(TimeSpan.FromSeconds(1));
            while (output.ToString().Length == 0)
            {
                await Task.Yield();
            }
        }

        Assert.DoesNotContain('\r', output.ToString().TrimEnd());
        Assert.StartsWith("5 checked", output.ToString(), StringComparison.Ordinal);
    }
}
