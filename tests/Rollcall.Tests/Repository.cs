namespace Rollcall.Tests;

/// <summary>Finds files of the repository from wherever the tests were built to.</summary>
internal static class Repository
{
    public static string Root { get; } = FindRoot();

    public static string Path(string relative) => System.IO.Path.Combine(Root, relative);

    private static string FindRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(System.IO.Path.Combine(folder.FullName, "Rollcall.slnx")))
            {
                return folder.FullName;
            }
        }

        throw new InvalidOperationException("The tests must be built inside the repository: Rollcall.slnx is in no folder above them.");
    }
}
