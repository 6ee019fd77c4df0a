namespace Rollcall.Tests.Tidy;

/// <summary>The repository's own files, as they would be committed.</summary>
internal static class SourceFile
{
    /// <summary>Folders; <c>.git</c> is a file in a worktree.</summary>
    private static readonly HashSet<string> Ignored = [".git", "artifacts", "bin", "obj", "TestResults", "BenchmarkDotNet.Artifacts", ".vs", ".idea", "tmp"];

    /// <summary>Paths relative to the root, with forward slashes, sorted.</summary>
    public static IReadOnlyList<string> Under(string folder, string pattern = "*")
    {
        var root = RepositoryRoot.File(folder);
        return Directory.Exists(root) ? [.. Walk(new DirectoryInfo(root), pattern).Order(StringComparer.Ordinal)] : [];
    }

    public static string Read(string relative) => File.ReadAllText(RepositoryRoot.File(relative));

    private static IEnumerable<string> Walk(DirectoryInfo folder, string pattern) =>
        folder.EnumerateFiles(pattern).Where(f => !Ignored.Contains(f.Name)).Select(f => Path.GetRelativePath(RepositoryRoot.Path, f.FullName).Replace('\\', '/'))
            .Concat(folder.EnumerateDirectories().Where(d => !Ignored.Contains(d.Name)).SelectMany(d => Walk(d, pattern)));
}
