using System.Globalization;

namespace Rollcall.Serve.Queries;

/// <summary>The parameters of a query string, decoded: <c>+</c> and <c>%20</c> both mean a space. A name given more than once, in
/// whatever letter case, counts once, with its last value.</summary>
internal sealed class QueryParameters
{
    private readonly List<KeyValuePair<string, string>> _all = [];

    private QueryParameters()
    {
    }

    /// <summary>Name and value as sent, decoded, in query order.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> All => _all;

    /// <param name="query">With or without its question mark.</param>
    public static QueryParameters Parse(string? query)
    {
        var parameters = new QueryParameters();
        var text = query.AsSpan().TrimStart('?');
        foreach (var range in text.Split('&'))
        {
            var part = text[range];
            if (part.IsEmpty)
            {
                continue;
            }

            var equals = part.IndexOf('=');
            var name = Decode(equals < 0 ? part : part[..equals]);
            var pair = KeyValuePair.Create(name, equals < 0 ? "" : Decode(part[(equals + 1)..]));
            var known = parameters.IndexOf(name);
            if (known < 0)
            {
                parameters._all.Add(pair);
            }
            else
            {
                parameters._all[known] = pair;
            }
        }

        return parameters;
    }

    /// <summary>The value, or null when the name was not given.</summary>
    public string? Find(string name) => IndexOf(name) is >= 0 and var i ? _all[i].Value : null;

    private int IndexOf(string name)
    {
        for (var i = 0; i < _all.Count; i++)
        {
            if (_all[i].Key.Equals(name, StringComparison.OrdinalIgnoreCase))
            {
                return i;
            }
        }

        return -1;
    }

    private static string Decode(ReadOnlySpan<char> text) => Uri.UnescapeDataString(text.ToString().Replace('+', ' '));
}

/// <summary>The parameters that page and window every list of the API, checked with the words of the reference.</summary>
internal readonly record struct PageParameters(long Offset, int Limit, bool WantsTotalCount, long? MinChangeVersion, long? MaxChangeVersion)
{
    /// <summary>The most documents on a page, and the number when none is asked for.</summary>
    public const int LimitMax = 500;

    private static readonly string[] Names = ["offset", "limit", "totalCount", "minChangeVersion", "maxChangeVersion"];

    public static bool IsName(string name) => Names.Contains(name, StringComparer.OrdinalIgnoreCase);

    /// <summary>Paging faults come first and alone; change versions only when paging is fine.</summary>
    public static QueryFault? Read(QueryParameters query, out PageParameters page)
    {
        page = default;
        var errors = new List<string>();
        var offset = 0;
        var limit = LimitMax;
        var total = false;
        if (query.Find("offset") is { } offsetText && !TryParse(offsetText, out offset))
        {
            errors.Add("Offset must be a numeric value greater than or equal to 0.");
        }

        if (query.Find("limit") is { } limitText && (!TryParse(limitText, out limit) || limit > LimitMax))
        {
            errors.Add($"Limit must be omitted or set to a numeric value between 0 and {LimitMax}.");
        }

        if (query.Find("totalCount") is { } totalText && !TryParseBoolean(totalText, out total))
        {
            errors.Add("TotalCount must be a boolean value.");
        }

        if (errors.Count > 0)
        {
            return new QueryFault.Parameters(errors);
        }

        var min = ReadVersion(query, "minChangeVersion", "MinChangeVersion", errors);
        var max = ReadVersion(query, "maxChangeVersion", "MaxChangeVersion", errors);
        if (min > max)
        {
            errors.Add("MinChangeVersion must be less than or equal to MaxChangeVersion.");
        }

        page = new PageParameters(offset, limit, total, min is 0 ? null : min, max);
        return errors.Count > 0 ? new QueryFault.Parameters(errors) : null;
    }

    /// <summary>A blank value counts as none.</summary>
    private static long? ReadVersion(QueryParameters query, string name, string title, List<string> errors)
    {
        if (query.Find(name) is not { } text || string.IsNullOrWhiteSpace(text))
        {
            return null;
        }

        if (long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var version))
        {
            return version;
        }

        errors.Add($"{title} must be a numeric value greater than or equal to 0.");
        return null;
    }

    private static bool TryParse(string text, out int number) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);

    private static bool TryParseBoolean(string text, out bool value)
    {
        value = text.Equals("true", StringComparison.OrdinalIgnoreCase);
        return value || text.Equals("false", StringComparison.OrdinalIgnoreCase);
    }
}
