namespace Rollcall.Exchange.State;

/// <summary>Where named connections are kept, with the last change version that each target has had from a source. The layouts are the
/// API Publisher's, so that both programs can take turns.</summary>
public interface IConnectionStore : IAsyncDisposable
{
    /// <summary>The store in words, without secrets: <c>the file connections.json</c>.</summary>
    string Shown { get; }

    /// <summary>The connection's values by their names without regard to letter case; null when there is no such connection.</summary>
    /// <exception cref="ConnectionStoreException">The store cannot be read.</exception>
    Task<IReadOnlyDictionary<string, string>?> ReadAsync(string connection, CancellationToken cancellationToken);

    Task<IReadOnlyList<string>> ListAsync(CancellationToken cancellationToken);

    /// <summary>Sets these values of a connection, which is created if need be, and leaves its others; a null value is taken away.
    /// Key and secret are kept encrypted where the store can.</summary>
    Task WriteAsync(string connection, IReadOnlyDictionary<string, string?> values, CancellationToken cancellationToken);

    /// <returns>False when there is no such connection.</returns>
    Task<bool> RemoveAsync(string connection, CancellationToken cancellationToken);

    /// <summary>Keeps the last change version of one target, and those of all others as they are, also while another run does the same.</summary>
    Task KeepChangeVersionAsync(string source, string target, long version, CancellationToken cancellationToken);

    /// <summary>Makes sure that nobody else publishes this pair until the result is disposed; null when somebody does.</summary>
    Task<IAsyncDisposable?> TryLockAsync(string pair, CancellationToken cancellationToken);
}

/// <summary>A store of connections that cannot be read or written; its message is for the user and holds no secret.</summary>
public sealed class ConnectionStoreException(string message, Exception? inner = null) : Exception(message, inner);
