namespace Rollcall.Tests.Tidy;

/// <summary>Fails a test with everything that was found, one a line: whoever must put it right needs all of it.</summary>
internal static class Findings
{
    public static void None<T>(IEnumerable<T> found, string what)
    {
        var list = found.Select(f => $"  {f}").ToArray();
        Assert.True(list.Length == 0, $"{what}{Environment.NewLine}{string.Join(Environment.NewLine, list)}");
    }
}
