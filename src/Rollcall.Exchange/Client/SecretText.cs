namespace Rollcall.Exchange.Client;

/// <summary>Resolves settings that name their value instead of holding it: <c>${env:NAME}</c> and <c>${file:PATH}</c>.</summary>
public static class SecretText
{
    /// <summary>The value itself, or what it names.</summary>
    /// <exception cref="InvalidDataException">The variable is not set, or the file cannot be read; the message names it and never a value.</exception>
    public static string Resolve(string text)
    {
        if (text.StartsWith("${env:", StringComparison.Ordinal) && text.EndsWith('}'))
        {
            var name = text[6..^1];
            return Environment.GetEnvironmentVariable(name)
                ?? throw new InvalidDataException($"The environment variable {name} is not set.");
        }

        if (text.StartsWith("${file:", StringComparison.Ordinal) && text.EndsWith('}'))
        {
            var path = text[7..^1];
            try
            {
                return File.ReadAllText(path).TrimEnd('\r', '\n');
            }
            catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
            {
                throw new InvalidDataException($"The file {path} cannot be read: {failure.Message}", failure);
            }
        }

        return text;
    }
}
