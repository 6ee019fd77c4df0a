using System.Globalization;
using System.Text.Json;
using Rollcall.Serve.Queries;

namespace Rollcall.Serve.Admin;

/// <summary>Which part of a list is asked for, and in which order: <c>offset</c>, <c>limit</c>, <c>orderBy</c>, <c>direction</c>, and equality filters.</summary>
internal sealed class AdminPage
{
    private const int LimitDefault = 25;
    private const int LimitMax = 500;

    private readonly Dictionary<string, string> _values;

    private AdminPage(Dictionary<string, string> values) => _values = values;

    public static AdminPage Parse(string? query) => new(
        QueryParameters.Parse(query).All.ToDictionary(p => p.Key, p => p.Value, StringComparer.OrdinalIgnoreCase));

    /// <summary>Writes the page of a list as a JSON array.</summary>
    /// <param name="columns">What can be filtered and ordered by, under its name in the query; the first is the default order.</param>
    public AdminAnswer List<T>(IEnumerable<T> items, IReadOnlyList<(string Name, Func<T, object> Value)> columns, Action<Utf8JsonWriter, T> write)
    {
        var faults = new AdminFaults();
        var offset = Number("offset", 0, 0, int.MaxValue, faults);
        var limit = Number("limit", LimitDefault, 1, LimitMax, faults);
        var isDescending = _values.GetValueOrDefault("direction") is { } direction
            && (direction.StartsWith("desc", StringComparison.OrdinalIgnoreCase) || direction == "1");
        var order = columns[0].Value;
        if (_values.TryGetValue("orderBy", out var by))
        {
            var column = columns.FirstOrDefault(c => c.Name.Equals(by, StringComparison.OrdinalIgnoreCase));
            if (column.Value is null)
            {
                faults.Add("OrderBy", $"The list can be ordered by {string.Join(", ", columns.Select(c => c.Name))}.");
            }
            else
            {
                order = column.Value;
            }
        }

        if (faults.Any)
        {
            return AdminAnswer.Invalid(faults);
        }

        foreach (var (name, value) in columns)
        {
            if (_values.TryGetValue(name, out var wanted))
            {
                items = items.Where(i => string.Equals(Convert.ToString(value(i), CultureInfo.InvariantCulture), wanted, StringComparison.OrdinalIgnoreCase));
            }
        }

        items = isDescending ? items.OrderByDescending(order, Values) : items.OrderBy(order, Values);
        var page = items.Skip(offset).Take(limit).ToArray();
        return AdminAnswer.Ok(json =>
        {
            json.WriteStartArray();
            foreach (var item in page)
            {
                write(json, item);
            }

            json.WriteEndArray();
        });
    }

    private static readonly Comparer<object> Values = Comparer<object>.Create((a, b) => (a, b) switch
    {
        (string x, string y) => StringComparer.OrdinalIgnoreCase.Compare(x, y),
        (long x, long y) => x.CompareTo(y),
        (int x, int y) => x.CompareTo(y),
        _ => 0,
    });

    private int Number(string name, int otherwise, int min, int max, AdminFaults faults)
    {
        if (!_values.TryGetValue(name, out var text))
        {
            return otherwise;
        }

        if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= min && number <= max)
        {
            return number;
        }

        faults.Add(char.ToUpperInvariant(name[0]) + name[1..], $"'{name}' must be a whole number from {min}{(max == int.MaxValue ? "" : $" to {max}")}.");
        return otherwise;
    }
}
