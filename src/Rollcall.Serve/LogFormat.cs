namespace Rollcall.Serve;

/// <summary>How log lines look on stderr.</summary>
public enum LogFormat
{
    /// <summary>Text at a terminal, JSON elsewhere.</summary>
    Auto,
    Json,
    Text,
}
