using System.Globalization;
using Rollcall.Databases;
using Rollcall.Standard.Documents;
using Rollcall.Standard.Keys;

namespace Rollcall.Serve.Storage.Sqlite;

/// <summary>A query field's value as a column: folded text, a number, or a decimal as text without trailing zeros, so that equal
/// values are equal bytes.</summary>
internal static class ScalarColumn
{
    public static void Bind(SqliteStatement statement, int parameter, ColumnKind kind, in ScalarValue value)
    {
        if (!value.IsPresent)
        {
            statement.BindNull(parameter);
            return;
        }

        switch (kind)
        {
            case ColumnKind.Text:
                BindFolded(statement, parameter, value.Text!);
                break;
            case ColumnKind.Decimal:
                statement.BindText(parameter, Plain(value.Decimal));
                break;
            case ColumnKind.Number:
                statement.Bind(parameter, value.Number);
                break;
        }
    }

    private static void BindFolded(SqliteStatement statement, int parameter, string text)
    {
        if (text.Length > 256)
        {
            statement.BindText(parameter, Fold.Text(text));
            return;
        }

        Span<char> folded = stackalloc char[256];
        Span<byte> utf8 = stackalloc byte[768];
        Fold.To(text, folded);
        statement.BindText(parameter, utf8[..System.Text.Encoding.UTF8.GetBytes(folded[..text.Length], utf8)]);
    }

    /// <summary>Dividing by one with many decimal places removes trailing zeros from the scale.</summary>
    private static string Plain(decimal value) =>
        (value / 1.0000000000000000000000000000m).ToString(CultureInfo.InvariantCulture);
}
