namespace Rollcall.Exchange.Sync.Sources;

/// <summary>A student information system's database, read only, in one snapshot for as long as the reader lives.</summary>
internal interface ISisReader : IAsyncDisposable
{
    /// <summary>The parameter of <see cref="AnyOf"/>.</summary>
    const string Values = "rollcall_values";

    /// <summary>What the queries read as <c>:name</c>.</summary>
    IReadOnlyDictionary<string, object> Parameters { get; }

    /// <summary>The SQL that turns a column into text that sorts by its UTF-8 bytes, so that two queries can be joined while they stream.</summary>
    string SortKey(string column);

    /// <summary>The names of a query's columns, without running it.</summary>
    /// <exception cref="SisException">The database refuses the query.</exception>
    Task<IReadOnlyList<string>> DescribeAsync(string sql, CancellationToken cancellationToken);

    /// <summary>Starts a query.</summary>
    /// <param name="isInterleaved">Other queries will be read before this one is through.</param>
    /// <param name="values">What <see cref="AnyOf"/> compares with; null when the query does not ask.</param>
    /// <exception cref="SisException">The database refuses the query.</exception>
    Task<ISisRows> QueryAsync(string sql, bool isInterleaved, IReadOnlyCollection<string>? values, CancellationToken cancellationToken);

    /// <summary>The SQL that a column equals one of the values of the query, written so that an index can answer it.</summary>
    string AnyOf(string column);

    /// <summary>The first column of a short query, as text.</summary>
    /// <param name="row">Parameters beside those of the profile; null is NULL.</param>
    /// <exception cref="SisException">The database refuses the query.</exception>
    Task<IReadOnlyList<string>> TextsAsync(string sql, IReadOnlyDictionary<string, string?> row, CancellationToken cancellationToken);

    /// <summary>The tables that a query reads, in lower case; null when the database does not tell.</summary>
    Task<IReadOnlySet<string>?> TablesAsync(string sql, CancellationToken cancellationToken);
}

/// <summary>The rows of one query as they arrive.</summary>
internal interface ISisRows : IAsyncDisposable
{
    int Columns { get; }

    /// <summary>Appends up to <paramref name="rowsMax"/> rows to <paramref name="batch"/>; false when the query is through and nothing was appended.</summary>
    ValueTask<bool> ReadAsync(RowBatch batch, int rowsMax, CancellationToken cancellationToken);
}

/// <summary>The SIS database cannot be reached, or refuses a query.</summary>
/// <param name="isUnavailable">It is the database, not the query.</param>
public sealed class SisException(string message, bool isUnavailable, Exception? inner = null) : Exception(message, inner)
{
    public bool IsUnavailable { get; } = isUnavailable;
}
