namespace Rollcall.Exchange.Sync.Capture;

/// <summary>No change capture at all: says, every so often, that it is time to look.</summary>
internal sealed class PollSource(TimeSpan every) : IChangeSource
{
    private bool _isFirst = true;

    public async Task<ChangeBatch> ReadAsync(CancellationToken cancellationToken)
    {
        if (!_isFirst)
        {
            await Task.Delay(every, cancellationToken);
        }

        _isFirst = false;
        return new ChangeBatch(null, [], IsGap: false);
    }

    public Task ConfirmAsync(string position, CancellationToken cancellationToken) => Task.CompletedTask;

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
