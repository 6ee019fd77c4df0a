using Rollcall.Exchange.Client;

namespace Rollcall.Tests.Exchange;

/// <summary>How the number of requests in flight follows an API's answers; the clock is moved by hand.</summary>
public sealed class AdaptiveGateTests
{
    private static readonly TimeSpan _fast = TimeSpan.FromMilliseconds(10);
    private readonly ManualTime _time = new();

    [Fact]
    public async Task The_level_grows_to_the_ceiling_while_all_places_are_used()
    {
        var gate = new AdaptiveGate(100, _time);
        await AnswersAsync(gate, 40, _ => GateSignal.Answered);
        Assert.Equal(100, gate.Limit);
    }

    [Fact]
    public async Task The_level_does_not_grow_when_nobody_uses_it()
    {
        var gate = new AdaptiveGate(100, _time);
        var before = gate.Limit;
        for (var i = 0; i < 1000; i++)
        {
            await gate.EnterAsync(CancellationToken.None);
            _time.Advance(_fast);
            gate.Exit(GateSignal.Answered, _fast);
        }

        Assert.Equal(before, gate.Limit);
    }

    [Theory]
    [InlineData(5, 1, 3)]
    [InlineData(25, 3, 5)]
    public async Task Answers_429_take_the_level_down_the_more_the_more_there_are(int every, int least, int most)
    {
        var gate = new AdaptiveGate(100, _time);
        await AnswersAsync(gate, 60, i => i % every == 0 ? GateSignal.Throttled : GateSignal.Answered);
        Assert.InRange(gate.Limit, least, most);
    }

    [Fact]
    public async Task Latency_that_rises_without_more_work_done_takes_the_level_back_but_not_below_its_start()
    {
        var gate = new AdaptiveGate(100, _time);
        await AnswersAsync(gate, 10, _ => GateSignal.Answered);
        var grown = gate.Limit;
        var slow = _fast;
        for (var i = 0; i < 40; i++)
        {
            slow *= 1.3;
            await AnswersAsync(gate, 5, _ => GateSignal.Answered, slow);
        }

        Assert.True(gate.Limit < grown, $"{gate.Limit} is not below {grown}");
        Assert.InRange(gate.Limit, 16, 99);
    }

    [Fact]
    public async Task When_nothing_succeeds_any_more_one_request_at_a_time_is_let_through_after_a_pause()
    {
        var gate = new AdaptiveGate(100, _time);
        await AnswersAsync(gate, 2, _ => GateSignal.Failed);
        Assert.True(gate.Outage > TimeSpan.Zero);

        var first = gate.EnterAsync(CancellationToken.None).AsTask();
        var second = gate.EnterAsync(CancellationToken.None).AsTask();
        Assert.False(first.IsCompleted || second.IsCompleted, "nothing is let through during the pause");
        _time.Advance(TimeSpan.FromSeconds(11));
        await first;
        Assert.False(second.IsCompleted, "only one is let through");

        gate.Exit(GateSignal.Answered, _fast);
        await second;
        Assert.Equal(TimeSpan.Zero, gate.Outage);
    }

    [Fact]
    public async Task A_pause_is_as_long_as_the_API_asks()
    {
        var gate = new AdaptiveGate(100, _time);
        for (var i = 0; i < 12; i++)
        {
            await gate.EnterAsync(CancellationToken.None);
            gate.Exit(GateSignal.Throttled, _fast, TimeSpan.FromSeconds(40));
        }

        var waiting = gate.EnterAsync(CancellationToken.None).AsTask();
        _time.Advance(TimeSpan.FromSeconds(39));
        Assert.False(waiting.IsCompleted);
        _time.Advance(TimeSpan.FromSeconds(2));
        await waiting;
    }

    [Fact]
    public async Task Who_gives_up_waiting_costs_no_place()
    {
        var gate = new AdaptiveGate(1, _time);
        await gate.EnterAsync(CancellationToken.None);
        using var cancelled = new CancellationTokenSource();
        var impatient = gate.EnterAsync(cancelled.Token).AsTask();
        var patient = gate.EnterAsync(CancellationToken.None).AsTask();
        await cancelled.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => impatient);
        gate.Exit(GateSignal.Answered, _fast);
        await patient;
        gate.Exit(GateSignal.Answered, _fast);
        await gate.EnterAsync(CancellationToken.None);
    }

    [Fact]
    public void Pauses_before_retries_double_have_jitter_and_obey_the_API()
    {
        var policy = new RetryPolicy { StartingDelay = TimeSpan.FromMilliseconds(100), DelayMax = TimeSpan.FromSeconds(5) };
        for (var i = 0; i < 200; i++)
        {
            Assert.InRange(policy.DelayBefore(1, null).TotalMilliseconds, 50, 100);
            Assert.InRange(policy.DelayBefore(4, null).TotalMilliseconds, 400, 800);
            Assert.InRange(policy.DelayBefore(60, null).TotalMilliseconds, 2500, 5000);
        }

        Assert.True(Enumerable.Range(0, 50).Select(_ => policy.DelayBefore(3, null)).Distinct().Count() > 10, "all delays are alike");
        Assert.Equal(TimeSpan.FromSeconds(7), policy.DelayBefore(1, TimeSpan.FromSeconds(7)));
        Assert.Equal(policy.RetryAfterMax, policy.DelayBefore(1, TimeSpan.FromDays(1)));
    }

    /// <summary>Rounds in which every place is taken, time passes, and every request is answered.</summary>
    private async Task AnswersAsync(AdaptiveGate gate, int rounds, Func<int, GateSignal> signal, TimeSpan? latency = null)
    {
        var answered = 0;
        for (var round = 0; round < rounds; round++)
        {
            var inFlight = gate.Limit;
            for (var i = 0; i < inFlight; i++)
            {
                var place = gate.EnterAsync(CancellationToken.None).AsTask();
                while (!place.IsCompleted)
                {
                    _time.Advance(TimeSpan.FromSeconds(1));
                    await Task.Yield();
                    inFlight = i + 1;
                }
            }

            _time.Advance(latency ?? _fast);
            for (var i = 0; i < inFlight; i++)
            {
                gate.Exit(signal(++answered), latency ?? _fast);
            }
        }
    }
}
