using System.Globalization;

namespace Rollcall.Standard.Documents.Reading;

/// <summary>The wire texts of every fault: clients' people read them, so they are the reference's, letter for letter.</summary>
internal static class FaultText
{
    public const string ClientAssignedId =
        "Resource identifiers cannot be assigned by the client. The 'id' property should not be included in the request body.";

    public const string PutIdDiffers = "Request body id must match the id in the url.";

    public const string DuplicateMember = "An item with the same key has already been added.";

    public const string InvalidUtf8 = "Cannot transcode invalid UTF-8 JSON text to UTF-16 string.";

    public const string LoneSurrogate = "Cannot read incomplete UTF-16 JSON text as string with missing low surrogate.";

    public static string Required(string name) => $"{name} is required.";

    public static string Empty(string name) => $"{name} is required and should not be left empty.";

    public static string OuterSpaces(string name) => $"{name} cannot contain leading or trailing spaces.";

    public static string Type(string name, string sent, string expected) => $"{name} Value is \"{sent}\" but should be \"{expected}\"";

    public static string TooShort(string name, int least) => Invariant($"{name} Value should be at least {least} characters");

    public static string TooLong(string name, int most) => Invariant($"{name} Value should be at most {most} characters");

    public static string Format(string name, string format) => $"{name} Value does not match format \"{format}\"";

    /// <summary>No store can hold the character, and the key hash uses it as a separator.</summary>
    public static string ZeroCharacter(string name) => $"{name} Value should not contain the character U+0000";

    public static string TooSmall(string name, string value, long least) => Invariant($"{name} {value} should be at least {least}");

    public static string TooLarge(string name, string value, long most) => Invariant($"{name} {value} should be at most {most}");

    public static string DecimalRange(string path, string least, string most) => $"{path} must be between {least} and {most}.";

    public static string NotEqual(string name, IEnumerable<string> values) =>
        $"All values supplied for '{name}' must match. Review all references (including those higher up in the resource's data) and "
        + $"align the following conflicting values: {string.Join(", ", values.Select(v => $"'{v}'"))}";

    public static string DuplicateItem(int position, string array) =>
        $"The {Ordinal(position)} item of the {array} has the same identifying values as another item earlier in the list.";

    public static string At(string sentence, long line, long byteInLine) =>
        Invariant($"{sentence} LineNumber: {line} | BytePositionInLine: {byteInLine}.");

    private static string Ordinal(int position)
    {
        var ending = (position % 100 is >= 11 and <= 13) ? "th" : (position % 10) switch { 1 => "st", 2 => "nd", 3 => "rd", _ => "th" };
        return position.ToString(CultureInfo.InvariantCulture) + ending;
    }

    private static string Invariant(FormattableString text) => FormattableString.Invariant(text);
}
