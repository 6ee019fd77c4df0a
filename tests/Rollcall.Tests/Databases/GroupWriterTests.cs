using System.Collections.Concurrent;
using Rollcall.Databases;

namespace Rollcall.Tests.Databases;

public sealed class GroupWriterTests
{
    private readonly ConcurrentQueue<(string Lane, int[] Writes)> _groups = new();
    private readonly ConcurrentQueue<TaskCompletionSource> _gates = new();

    [Fact]
    public async Task What_waits_while_a_group_is_in_flight_goes_together()
    {
        await using var writer = Gated(new GroupWriterOptions { GroupsInFlightMax = 1, GroupsPerLaneMax = 1 });
        var first = writer.WriteAsync("a", 0, 0, default).AsTask();
        var gate = await NextGateAsync();
        var rest = Enumerable.Range(1, 10).Select(i => writer.WriteAsync("a", i, i, default).AsTask()).ToArray();
        gate.SetResult();
        Assert.Equal(0, await first);
        (await NextGateAsync()).SetResult();
        Assert.Equal(Enumerable.Range(1, 10), await Task.WhenAll(rest));
        Assert.Equal([1, 10], _groups.Select(g => g.Writes.Length));
    }

    [Fact]
    public async Task A_group_has_at_most_the_given_size()
    {
        await using var writer = Gated(new GroupWriterOptions { GroupSizeMax = 4, GroupsInFlightMax = 1, GroupsPerLaneMax = 1 });
        var first = writer.WriteAsync("a", 0, 0, default).AsTask();
        var gate = await NextGateAsync();
        var rest = Enumerable.Range(1, 10).Select(i => writer.WriteAsync("a", i, i, default).AsTask()).ToArray();
        gate.SetResult();
        for (var i = 0; i < 3; i++)
        {
            (await NextGateAsync()).SetResult();
        }

        await Task.WhenAll(rest);
        await first;
        Assert.Equal([1, 4, 4, 2], _groups.Select(g => g.Writes.Length));
    }

    [Fact]
    public async Task Writes_with_one_key_are_never_in_flight_together_and_keep_their_order()
    {
        var seed = Environment.TickCount;
        TestContext.Current.TestOutputHelper!.WriteLine($"seed {seed}");
        var inFlight = new ConcurrentDictionary<int, int>();
        var order = new ConcurrentDictionary<int, ConcurrentQueue<int>>();
        var largest = 0;
        await using var writer = new GroupWriter<string, int, (int Key, int Number), int>(
            new GroupWriterOptions { GroupsInFlightMax = 4, GroupsPerLaneMax = 4, GroupSizeMax = 8 },
            async (lane, group) =>
            {
                largest = Math.Max(largest, group.Count);
                for (var i = 0; i < group.Count; i++)
                {
                    Assert.True(inFlight.TryAdd(group[i].Key, group[i].Number));
                    order.GetOrAdd(group[i].Key, _ => new()).Enqueue(group[i].Number);
                }

                await Task.Yield();
                for (var i = 0; i < group.Count; i++)
                {
                    inFlight.TryRemove(group[i].Key, out _);
                    group.Answer(i, group[i].Number);
                }
            });
        var random = new Random(seed);
        var answers = Enumerable.Range(0, 4000).Select(i => (i, random.Next(20))).Select(w => writer.WriteAsync("a", w.Item2, (w.Item2, w.i), default).AsTask()).ToArray();
        Assert.Equal(Enumerable.Range(0, 4000), await Task.WhenAll(answers));
        Assert.All(order.Values, numbers => Assert.Equal(numbers.Order(), numbers));
        Assert.True(largest > 1, "Nothing went together.");
    }

    [Fact]
    public async Task Lanes_take_turns()
    {
        await using var writer = Gated(new GroupWriterOptions { GroupSizeMax = 2, GroupsInFlightMax = 1, GroupsPerLaneMax = 1 });
        var all = new List<Task> { writer.WriteAsync("a", 0, 0, default).AsTask() };
        var gate = await NextGateAsync();
        all.AddRange(Enumerable.Range(1, 6).Select(i => writer.WriteAsync("a", i, i, default).AsTask()));
        all.Add(writer.WriteAsync("b", 7, 7, default).AsTask());
        gate.SetResult();
        for (var i = 0; i < 4; i++)
        {
            (await NextGateAsync()).SetResult();
        }

        await Task.WhenAll(all);
        Assert.True(_groups.Select(g => g.Lane).ToList().IndexOf("b") <= 2, "The busy lane kept the quiet one waiting.");
    }

    [Fact]
    public async Task A_failing_group_fails_only_what_it_left_open()
    {
        await using var writer = new GroupWriter<string, int, int, int>(
            new GroupWriterOptions(),
            (_, group) =>
            {
                for (var i = 0; i < group.Count; i++)
                {
                    if (group[i] % 2 == 0)
                    {
                        group.Answer(i, group[i]);
                    }
                }

                throw new InvalidOperationException("odd");
            });
        Assert.Equal(2, await writer.WriteAsync("a", 2, 2, default));
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await writer.WriteAsync("a", 3, 3, default));
        Assert.Equal(4, await writer.WriteAsync("a", 4, 4, default));
    }

    [Fact]
    public async Task A_cancelled_write_that_waits_is_withdrawn_and_one_in_flight_is_answered()
    {
        await using var writer = Gated(new GroupWriterOptions { GroupsInFlightMax = 1, GroupsPerLaneMax = 1 });
        using var cancel = new CancellationTokenSource();
        var flying = writer.WriteAsync("a", 0, 0, cancel.Token).AsTask();
        var gate = await NextGateAsync();
        var waiting = writer.WriteAsync("a", 1, 1, cancel.Token).AsTask();
        var other = writer.WriteAsync("a", 2, 2, default).AsTask();
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
        gate.SetResult();
        Assert.Equal(0, await flying);
        (await NextGateAsync()).SetResult();
        Assert.Equal(2, await other);
        Assert.DoesNotContain(_groups, g => g.Writes.Contains(1));
    }

    [Fact]
    public async Task Closing_answers_everything_that_was_accepted_and_accepts_no_more()
    {
        var writer = Gated(new GroupWriterOptions { GroupsInFlightMax = 1, GroupsPerLaneMax = 1 });
        var first = writer.WriteAsync("a", 0, 0, default).AsTask();
        var gate = await NextGateAsync();
        var second = writer.WriteAsync("a", 1, 1, default).AsTask();
        var closing = writer.DisposeAsync().AsTask();
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await writer.WriteAsync("a", 2, 2, default));
        Assert.False(closing.IsCompleted);
        gate.SetResult();
        (await NextGateAsync()).SetResult();
        Assert.Equal(0, await first);
        Assert.Equal(1, await second);
        await closing;
    }

    [Fact]
    public async Task The_queue_is_bounded_and_a_caller_beyond_it_can_give_up()
    {
        await using var writer = Gated(new GroupWriterOptions { WritesMax = 2, GroupsInFlightMax = 1, GroupsPerLaneMax = 1 });
        var first = writer.WriteAsync("a", 0, 0, default).AsTask();
        var gate = await NextGateAsync();
        var second = writer.WriteAsync("a", 1, 1, default).AsTask();
        using var cancel = new CancellationTokenSource();
        var third = writer.WriteAsync("a", 2, 2, cancel.Token).AsTask();
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => third);
        gate.SetResult();
        (await NextGateAsync()).SetResult();
        await Task.WhenAll(first, second);
        Assert.DoesNotContain(_groups, g => g.Writes.Contains(2));
    }

    /// <summary>A writer whose groups wait until the test opens their gate.</summary>
    private GroupWriter<string, int, int, int> Gated(GroupWriterOptions options) => new(options, async (lane, group) =>
    {
        _groups.Enqueue((lane, [.. Enumerable.Range(0, group.Count).Select(i => group[i])]));
        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _gates.Enqueue(gate);
        await gate.Task;
        for (var i = 0; i < group.Count; i++)
        {
            group.Answer(i, group[i]);
        }
    });

    private async Task<TaskCompletionSource> NextGateAsync()
    {
        TaskCompletionSource? gate;
        while (!_gates.TryDequeue(out gate))
        {
            await Task.Yield();
        }

        return gate;
    }
}
