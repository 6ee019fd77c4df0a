namespace Rollcall.Tests;

/// <summary>Whether this is <c>./test.sh --long</c>: all histories, mutations and decisions instead of a few.</summary>
public static class LongRun
{
    public static bool IsOn { get; } = Environment.GetEnvironmentVariable("ROLLCALL_TEST_LONG") == "1";

    /// <summary>Both kinds of a thing that a test goes through process by process; in the short run the one kind, and other tests take the other.</summary>
    public static TheoryData<bool> Both(bool otherwise) => IsOn ? [false, true] : [otherwise];
}
