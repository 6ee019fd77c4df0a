using Rollcall.Exchange.Client;

namespace Rollcall.Exchange.Load;

/// <summary>Which standard descriptors of a data set's manifest are sent.</summary>
public enum StandardDescriptors
{
    /// <summary>Those of descriptor resources in which the API has nothing yet.</summary>
    Missing,
    All,
    None,
}

/// <summary>What <c>rollcall load</c> is to do.</summary>
public sealed record LoadOptions
{
    /// <summary>A folder of document files, or one such file.</summary>
    public required string Path { get; init; }

    public required ApiConnection Target { get; init; }

    /// <summary>Ceiling of requests in flight.</summary>
    public int Connections { get; init; } = 64;

    /// <summary>Where refused documents are written, as lines that <c>load</c> can read again; null for nowhere.</summary>
    public string? RejectedFile { get; init; }

    public StandardDescriptors StandardDescriptors { get; init; }

    public bool DryRun { get; init; }

    public bool IgnoreSslErrors { get; init; }
}
