using Rollcall.Benchmarks.Load;

namespace Rollcall.Benchmarks;

/// <summary>A measurement that means nothing: ends the run instead of giving a figure.</summary>
public sealed class BenchmarkException(string message) : Exception(message)
{
    public static void ThrowOn(LoadResult result, string what)
    {
        if (result.Failures > 0 || result.Requests == 0)
        {
            throw new BenchmarkException($"{what}: {result.Failures} requests failed of {result.Requests + result.Failures}; the first: {result.FirstFailure}");
        }
    }
}
