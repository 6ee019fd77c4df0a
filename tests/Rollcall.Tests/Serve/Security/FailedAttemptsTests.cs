using System.Globalization;
using System.Net;
using Rollcall.Serve.Security;

namespace Rollcall.Tests.Serve.Security;

/// <summary>Guessing secrets gets slow for the guesser and for nobody else.</summary>
public sealed class FailedAttemptsTests
{
    private static readonly IPAddress Attacker = IPAddress.Parse("203.0.113.9");
    private static readonly IPAddress Elsewhere = IPAddress.Parse("203.0.113.10");
    private readonly Clock _clock = new();
    private readonly FailedAttempts _attempts;

    public FailedAttemptsTests() => _attempts = new FailedAttempts(_clock);

    [Fact]
    public void Waits_double_up_to_a_minute_after_five_failures_and_end_with_a_success()
    {
        Assert.All(Enumerable.Range(0, 4), _ => Fail("k", Attacker));
        Assert.Null(_attempts.Wait("k", Attacker));
        var waits = new List<double>();
        for (var i = 0; i < 8; i++)
        {
            Fail("k", Attacker);
            waits.Add(_attempts.Wait("k", Attacker)!.Value.TotalSeconds);
            _clock.Now += TimeSpan.FromMinutes(2);
            Assert.Null(_attempts.Wait("k", Attacker));
        }

        Assert.Equal([1, 2, 4, 8, 16, 32, 60, 60], waits);
        _attempts.Succeeded("k", Attacker);
        Fail("k", Attacker);
        Assert.Null(_attempts.Wait("k", Attacker));
    }

    [Fact]
    public void The_same_key_elsewhere_and_another_key_at_the_same_address_wait_for_nothing()
    {
        Assert.All(Enumerable.Range(0, 30), _ => Fail("k", Attacker));
        Assert.NotNull(_attempts.Wait("k", Attacker));
        Assert.Null(_attempts.Wait("k", Elsewhere));
        Assert.Null(_attempts.Wait("other", Attacker));
    }

    [Fact]
    public void An_address_that_tries_many_keys_waits_but_not_a_key_that_worked_there()
    {
        _attempts.Succeeded("known", Attacker);
        for (var i = 0; i < 100; i++)
        {
            Fail(i.ToString(CultureInfo.InvariantCulture), Attacker);
        }

        Assert.NotNull(_attempts.Wait("new", Attacker));
        Assert.Null(_attempts.Wait("known", Attacker));
        Assert.Null(_attempts.Wait("new", Elsewhere));
        _clock.Now += TimeSpan.FromSeconds(61);
        Assert.Null(_attempts.Wait("new", Attacker));
    }

    [Fact]
    public void An_ipv6_network_counts_as_one_address()
    {
        for (var i = 0; i < 10; i++)
        {
            Fail("k", IPAddress.Parse($"2001:db8::{i + 1}"));
        }

        Assert.NotNull(_attempts.Wait("k", IPAddress.Parse("2001:db8::ffff")));
        Assert.Null(_attempts.Wait("k", IPAddress.Parse("2001:db8:0:1::1")));
    }

    private void Fail(string key, IPAddress from) => _attempts.Failed(key, from);

    private sealed class Clock : TimeProvider
    {
        public DateTimeOffset Now { get; set; } = new(2026, 1, 5, 12, 0, 0, TimeSpan.Zero);

        public override DateTimeOffset GetUtcNow() => Now;
    }
}
