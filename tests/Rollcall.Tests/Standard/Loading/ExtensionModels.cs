using Rollcall.Standard.Loading;
using Rollcall.Standard.Model;

namespace Rollcall.Tests.Standard.Loading;

/// <summary>The published extension files, and the core together with them.</summary>
public static class ExtensionModels
{
    private static readonly string[] s_names = ["tpdm", "sample", "homograph"];
    private static readonly Lazy<DataStandard> s_all = new(() => ModelFiles.Load([.. s_names.Select(Path)]));

    public static IReadOnlyList<string> Names => s_names;

    /// <summary>Ed-Fi 5.2 with TPDM, Sample and Homograph.</summary>
    public static DataStandard All => s_all.Value;

    public static string Path(string name) => RepositoryRoot.File("tests", "data", "api-schema", $"{name}-api-schema-authoritative.json.gz");
}
