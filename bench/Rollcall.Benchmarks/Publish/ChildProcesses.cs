using System.Runtime.InteropServices;

namespace Rollcall.Benchmarks.Publish;

/// <summary>Processor time of all child processes that have ended, as the kernel counts it: what polling a process misses of its last moments is in it.</summary>
internal static partial class ChildProcesses
{
    private const int Children = -1;

    /// <summary>User and system time. Processes that still run count nothing.</summary>
    public static TimeSpan Cpu
    {
        get
        {
            if (!OperatingSystem.IsLinux() || GetUsage(Children, out var usage) != 0)
            {
                throw new BenchmarkException("Processor time is counted on Linux only.");
            }

            return TimeSpan.FromSeconds(usage.UserSeconds + usage.SystemSeconds) + TimeSpan.FromMicroseconds(usage.UserMicroseconds + usage.SystemMicroseconds);
        }
    }

    [LibraryImport("libc", EntryPoint = "getrusage")]
    private static partial int GetUsage(int who, out Usage usage);

    [StructLayout(LayoutKind.Sequential, Size = 144)]
    private struct Usage
    {
        public long UserSeconds;
        public long UserMicroseconds;
        public long SystemSeconds;
        public long SystemMicroseconds;
    }
}
