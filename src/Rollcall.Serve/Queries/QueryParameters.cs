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
