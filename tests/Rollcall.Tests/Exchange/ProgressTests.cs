using Rollcall.Cli;
using Rollcall.Exchange.Delivery;
using Rollcall.Standard.Model;

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
    public void A_resources_line_tells_what_it_has_what_was_read_sent_and_refused_and_when_it_ends()
    {
        var students = new ResourceName("ed-fi", "students");
        Assert.Equal("  ed-fi/students: 10,000 in all, 5,200 read, 4,990 sent, 10 refused, 500/s, 00:00:10 left", Progress.Line(new ResourceLook(students, 10_000, 5_200, 5_000, 10), 500));
        Assert.Equal("  ed-fi/students: 3 read, 2 sent, 0 refused, 0/s", Progress.Line(new ResourceLook(students, 0, 3, 2, 0), 0));
    }

    [Fact]
    public async Task Each_resource_in_work_has_its_line()
    {
        var time = new ManualTime();
        var output = new StringWriter();
        await using (Progress.Start(
            () => default, output, isTerminal: false, TimeSpan.FromSeconds(10), time, () => [new ResourceLook(new ResourceName("ed-fi", "staffs"), 900, 900, 400, 0)]))
        {
            time.Advance(TimeSpan.FromSeconds(10));
            while (output.ToString().Length == 0)
            {
                await Task.Yield();
            }
        }

        Assert.Contains("ed-fi/staffs: 900 in all, 900 read, 400 sent, 0 refused, 40/s, 00:00:12 left", output.ToString(), StringComparison.Ordinal);
    }

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
