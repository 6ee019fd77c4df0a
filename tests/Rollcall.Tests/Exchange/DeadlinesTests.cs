using Rollcall.Exchange.Client;
using Rollcall.Exchange.State;

namespace Rollcall.Tests.Exchange;

/// <summary>What every request and every document passes through, where a mistake would end a wrong request or hide a changed document.</summary>
public sealed class DeadlinesTests
{
    private readonly ManualTime _time = new();

    [Fact]
    public void A_request_that_waits_too_long_is_ended_and_its_deadline_is_not_used_again()
    {
        using var deadlines = new Deadlines(TimeSpan.FromMilliseconds(800), _time);
        var answered = deadlines.Start();
        answered.Dispose();
        var late = deadlines.Start();
        Assert.Same(answered, late);
        _time.Advance(TimeSpan.FromMilliseconds(900));
        Assert.True(late.Token.IsCancellationRequested);
        late.Dispose();
        using var next = deadlines.Start();
        Assert.NotSame(late, next);
        Assert.False(next.Token.IsCancellationRequested);
    }

    [Fact]
    public void An_answered_request_is_not_ended()
    {
        using var deadlines = new Deadlines(TimeSpan.FromMilliseconds(800), _time);
        var deadline = deadlines.Start();
        deadline.Dispose();
        _time.Advance(TimeSpan.FromMilliseconds(900));
        Assert.False(deadline.Token.IsCancellationRequested);
    }

    [Fact]
    public void A_deadline_that_is_given_back_twice_never_serves_two_requests()
    {
        using var deadlines = new Deadlines(TimeSpan.FromMilliseconds(800), _time);
        var answered = deadlines.Start();
        answered.Dispose();
        answered.Dispose();
        Assert.NotSame(deadlines.Start(), deadlines.Start());
        var late = deadlines.Start();
        _time.Advance(TimeSpan.FromMilliseconds(900));
        late.Dispose();
        late.Dispose();
        Assert.False(deadlines.Start().Token.IsCancellationRequested);
    }

    [Fact]
    public async Task Who_gives_up_waiting_for_a_place_leaves_it_to_the_next()
    {
        var gate = new AdaptiveGate(1, _time);
        await gate.EnterAsync(CancellationToken.None);
        using var stop = new CancellationTokenSource();
        var first = gate.EnterAsync(stop.Token).AsTask();
        var second = gate.EnterAsync(CancellationToken.None).AsTask();
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first);
        Assert.False(second.IsCompleted);
        gate.Exit(GateSignal.Answered, TimeSpan.FromMilliseconds(1));
        await second.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
        var third = gate.EnterAsync(CancellationToken.None).AsTask();
        Assert.False(third.IsCompleted);
        gate.Exit(GateSignal.Answered, TimeSpan.FromMilliseconds(1));
        await third.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
    }

    [Fact]
    public void Marks_tell_apart_every_byte_the_length_and_the_id()
    {
        var body = Enumerable.Range(1, 70).Select(i => (byte)i).ToArray();
        var marks = new HashSet<UInt128> { MarkHash.Of(default, body), MarkHash.Of(new Guid(1, 0, 0, new byte[8]), body) };
        for (var length = 0; length < body.Length; length++)
        {
            Assert.True(marks.Add(MarkHash.Of(default, body.AsSpan(0, length))));
            Assert.True(marks.Add(MarkHash.Of(default, new byte[length + 1])));
            for (var bit = 0; bit < 8; bit++)
            {
                body[length] ^= (byte)(1 << bit);
                Assert.True(marks.Add(MarkHash.Of(default, body)));
                body[length] ^= (byte)(1 << bit);
            }
        }
    }
}
