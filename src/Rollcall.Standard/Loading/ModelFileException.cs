namespace Rollcall.Standard.Loading;

/// <summary>A model file that cannot be used; the message says what is wrong, where, and what to do.</summary>
public sealed class ModelFileException : Exception
{
    public ModelFileException(string message)
        : base(message)
    {
    }

    public ModelFileException(string message, Exception inner)
        : base(message, inner)
    {
    }
}
