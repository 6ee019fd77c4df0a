using System.Text;

namespace Rollcall.Exchange.Sync.Mapping;

/// <summary>Finds the <c>:name</c> parameters of a query without being misled by strings, quoted names, comments or casts.</summary>
internal static class SqlText
{
    /// <summary>The distinct parameter names of <paramref name="sql"/> in order of appearance.</summary>
    public static IReadOnlyList<string> Parameters(string sql)
    {
        var names = new List<string>();
        WithParameters(sql, name =>
        {
            if (!names.Contains(name, StringComparer.Ordinal))
            {
                names.Add(name);
            }

            return "";
        });
        return names;
    }

    /// <summary>The query with each <c>:name</c> replaced.</summary>
    public static string WithParameters(string sql, Func<string, string> replacement)
    {
        var text = new StringBuilder(sql.Length);
        var copied = 0;
        for (var i = 0; i < sql.Length;)
        {
            var skipped = SkipQuoted(sql, i);
            if (skipped > i)
            {
                i = skipped;
            }
            else if (sql[i] == ':' && i + 1 < sql.Length && sql[i + 1] == ':')
            {
                i += 2;
            }
            else if (sql[i] == ':' && i + 1 < sql.Length && IsNameStart(sql[i + 1]))
            {
                var end = i + 1;
                while (end < sql.Length && IsNamePart(sql[end]))
                {
                    end++;
                }

                text.Append(sql, copied, i - copied).Append(replacement(sql[(i + 1)..end]));
                (i, copied) = (end, end);
            }
            else
            {
                i++;
            }
        }

        return text.Append(sql, copied, sql.Length - copied).ToString();
    }

    /// <summary>Every word of a query that may be the name of a table: plain, in double quotes or in brackets.</summary>
    public static IEnumerable<string> Names(string sql)
    {
        for (var i = 0; i < sql.Length;)
        {
            var skipped = SkipQuoted(sql, i);
            if (skipped > i)
            {
                if (sql[i] == '"' && skipped - i > 2)
                {
                    yield return sql[(i + 1)..(skipped - 1)];
                }

                i = skipped;
            }
            else if (sql[i] == '[' && sql.IndexOf(']', i) is > 0 and var close)
            {
                yield return sql[(i + 1)..close];
                i = close + 1;
            }
            else if (IsNameStart(sql[i]))
            {
                var end = i + 1;
                while (end < sql.Length && IsNamePart(sql[end]))
                {
                    end++;
                }

                yield return sql[i..end];
                i = end;
            }
            else
            {
                i++;
            }
        }
    }

    /// <summary>The query without what may not stand inside the parentheses that Rollcall puts around it: white space and semicolons at its end.</summary>
    public static string WithoutTerminator(string sql)
    {
        var end = 0;
        for (var i = 0; i < sql.Length;)
        {
            var skipped = SkipQuoted(sql, i);
            if (skipped > i)
            {
                end = IsComment(sql, i) ? end : skipped;
                i = skipped;
                continue;
            }

            end = char.IsWhiteSpace(sql[i]) || sql[i] == ';' ? end : i + 1;
            i++;
        }

        return sql[..end];
    }

    private static bool IsComment(string sql, int i) => i + 1 < sql.Length && (sql[i], sql[i + 1]) is ('-', '-') or ('/', '*');

    /// <summary>The position behind the string, quoted name or comment that begins at <paramref name="i"/>; <paramref name="i"/> when none does.</summary>
    private static int SkipQuoted(string sql, int i)
    {
        switch (sql[i])
        {
            case '\'' or '"':
                var quote = sql.IndexOf(sql[i], i + 1);
                return quote < 0 ? sql.Length : quote + 1;
            case '-' when IsComment(sql, i):
                var line = sql.IndexOf('\n', i);
                return line < 0 ? sql.Length : line + 1;
            case '/' when IsComment(sql, i):
                var close = sql.IndexOf("*/", i + 2, StringComparison.Ordinal);
                return close < 0 ? sql.Length : close + 2;
            case '$' when i == 0 || !IsNamePart(sql[i - 1]):
                var tagEnd = i + 1;
                while (tagEnd < sql.Length && IsNamePart(sql[tagEnd]))
                {
                    tagEnd++;
                }

                if (tagEnd >= sql.Length || sql[tagEnd] != '$')
                {
                    return i;
                }

                var tag = sql[i..(tagEnd + 1)];
                var end = sql.IndexOf(tag, tagEnd + 1, StringComparison.Ordinal);
                return end < 0 ? sql.Length : end + tag.Length;
            default:
                return i;
        }
    }

    private static bool IsNameStart(char c) => char.IsAsciiLetter(c) || c == '_';

    private static bool IsNamePart(char c) => char.IsAsciiLetterOrDigit(c) || c == '_';
}
