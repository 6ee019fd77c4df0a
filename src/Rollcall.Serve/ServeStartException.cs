namespace Rollcall.Serve;

/// <summary>Why a server could not start, in words for its user. Nothing has been changed.</summary>
/// <param name="isUnavailable">The database cannot be reached; otherwise an option or a file is wrong.</param>
public sealed class ServeStartException(string message, bool isUnavailable = false, Exception? inner = null) : Exception(message, inner)
{
    public bool IsUnavailable { get; } = isUnavailable;
}
