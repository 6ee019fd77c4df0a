namespace Rollcall.Serve.Storage.Sqlite;

/// <summary>One caller's piece of a group.</summary>
internal abstract class WriteRequest
{
    /// <summary>Does the work inside the group's transaction. Again when the group was undone.</summary>
    public abstract void Run(WriteSession session);

    public abstract void Fail(Exception failure);

    /// <summary>Lets the caller go on; after the commit.</summary>
    public abstract void Answer();
}

/// <inheritdoc/>
internal sealed class WriteRequest<T>(Func<WriteSession, T> work, CancellationToken cancellationToken) : WriteRequest
{
    private readonly TaskCompletionSource<T> _answered = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private T? _result;
    private Exception? _failure;
    private bool _isCancelled;

    public Task<T> Answered => _answered.Task;

    public override void Run(WriteSession session)
    {
        // Once a request has run it is not called off: its caller learns what became of it.
        _isCancelled = cancellationToken.IsCancellationRequested;
        if (!_isCancelled)
        {
            _result = work(session);
        }
    }

    public override void Fail(Exception failure) => _failure = failure;

    public override void Answer()
    {
        if (_isCancelled)
        {
            _answered.SetCanceled(cancellationToken);
        }
        else if (_failure is null)
        {
            _answered.SetResult(_result!);
        }
        else if (Errors.Outcome(_failure) is T outcome)
        {
            _answered.SetResult(outcome);
        }
        else
        {
            _answered.SetException(Errors.ForCaller(_failure));
        }
    }
}
