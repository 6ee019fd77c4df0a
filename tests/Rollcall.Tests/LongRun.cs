namespace Rollcall.Tests;

/// <summary>Whether this is <c>./test.sh --long</c>: all histories, mutations and decisions instead of a few.</summary>
public static class LongRun
{
    public static bool IsOn { get; } = Environment.GetEnvironmentVariable("ROLLCALL_TEST_LONG") == "1";
}
