using Spectre.Console;

namespace Rollcall.Cli.Handbook;

/// <summary>Lays rows out in columns without ever breaking a name: what is too long for its column pushes the rest to the next line.</summary>
/// <remarks>Spectre's tables fold long names in the middle, where neither eye nor search finds them again.</remarks>
internal sealed class Columns(params string[] headings)
{
    private const int Gap = 2;
    private const int Indent = 2;

    /// <summary>Room that the last column gets before the others are made narrower.</summary>
    private const int LastMin = 14;
    private readonly List<string[]> _rows = [];

    /// <summary>The widest that a column but the last may make itself, in characters; longer texts overflow.</summary>
    public int WidthMax { get; init; } = 46;

    public void Add(params string[] cells) => _rows.Add(cells);

    public void Write(IAnsiConsole console)
    {
        // 1. Where each column starts: after the widest text before it, within reason and within the page. An empty column takes no room.
        var starts = Starts(WidthMax);
        for (var cap = WidthMax; starts[^1] + LastMin > console.Profile.Width && cap > LastMin; cap--)
        {
            starts = Starts(cap);
        }

        var shown = Enumerable.Range(0, headings.Length).Where(c => _rows.Any(r => r[c].Length > 0)).ToArray();

        // 2. The headings, then each row; a cell whose place is taken already starts a new line.
        var lines = new List<string> { Line(shown.Select(c => (starts[c], headings[c]))) };
        console.MarkupLine($"[dim]{Markup.Escape(lines[0])}[/]");
        foreach (var row in _rows)
        {
            var line = "";
            foreach (var column in shown.Where(c => row[c].Length > 0))
            {
                var (start, parts) = column == shown[^1] ? Last(row[column], starts[column], console.Profile.Width) : (starts[column], [row[column]]);
                foreach (var part in parts)
                {
                    if (line.Length > Math.Max(0, start - Gap))
                    {
                        console.WriteLine(line);
                        line = "";
                    }

                    line = line.PadRight(start) + part;
                }
            }

            console.WriteLine(line);
        }
    }

    /// <summary>The last column's text runs over several lines; when even a part is too wide, all of it moves to the left.</summary>
    private static (int Start, string[] Parts) Last(string text, int start, int width)
    {
        var parts = Words(text, width - start).ToArray();
        return parts.Max(p => p.Length) <= width - start
            ? (start, parts)
            : text.Length <= width - (2 * Indent)
                ? (width - text.Length, [text])
                : (2 * Indent, [.. Words(text, width - (2 * Indent))]);
    }

    private int[] Starts(int cap)
    {
        var starts = new int[headings.Length];
        for (var (column, start) = (0, Indent); column < headings.Length; column++)
        {
            starts[column] = start;
            var widest = _rows.Select(r => r[column].Length).DefaultIfEmpty(0).Max();
            start += widest == 0 ? 0 : Math.Max(headings[column].Length, Math.Min(widest, cap)) + Gap;
        }

        return starts;
    }

    private static string Line(IEnumerable<(int Start, string Text)> cells) =>
        cells.Aggregate("", (line, cell) => line.PadRight(cell.Start) + cell.Text);

    /// <summary>Breaks a text at its spaces into lines of at most <paramref name="width"/>; a longer word has a line to itself.</summary>
    public static IEnumerable<string> Words(string text, int width)
    {
        var line = "";
        foreach (var word in text.Split(' '))
        {
            if (line.Length > 0 && line.Length + 1 + word.Length > width)
            {
                yield return line;
                line = "";
            }

            line += line.Length == 0 ? word : " " + word;
        }

        yield return line;
    }
}
