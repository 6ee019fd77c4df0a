using Rollcall.Exchange.Client;
using Rollcall.Exchange.Delivery;
using Rollcall.Exchange.State;
using Rollcall.Standard.Model;

namespace Rollcall.Tests.Exchange.State;

/// <summary>What a kill of publish costs: notes that were not written yet.</summary>
public sealed class RunJournalTests : IDisposable
{
    private static readonly ResourceName _students = ResourceName.TryParse("/ed-fi/students")!.Value;

    private readonly string _folder = Directory.CreateTempSubdirectory("rollcall-test-").FullName;

    [Fact]
    public async Task However_long_the_file_is_kept_busy_no_more_than_a_thousand_documents_are_noted_in_memory_alone()
    {
        using var state = PublishState.TryOpen(_folder, "a\nb\n", TimeProvider.System)!;
        var run = state.Begin("selection", null, null, null, null);
        await using var journal = new RunJournal(state, run, TimeProvider.System);
        var part = journal.Plan(PublishPass.Upserts, _students, 2000, ["all"])[0];
        await journal.FlushAsync();

        Task waits;
        Monitor.Enter(state.Db);
        try
        {
            Assert.All(Enumerable.Range(0, 1024), i => Assert.True(Settle(i).IsCompleted));
            waits = Settle(1024);
            Assert.False(waits.IsCompleted);
        }
        finally
        {
            Monitor.Exit(state.Db);
        }

        await waits;
        Assert.Equal(1025, Settled());
        Assert.True(Settle(1025).IsCompleted);

        Task Settle(int number)
        {
            var document = new OutgoingDocument(WriteKind.Upsert, new byte[] { 1 }, part.Id, new Guid(number, 0, 0, new byte[8]));
            Assert.True(journal.Take(part, document));
            return journal.SettleAsync(new SettledDocument(_students, document, Settlement.Done, new WriteResult(201, document.Id, null, null)));
        }

        long Settled()
        {
            lock (state.Db)
            {
                return state.Db.Number("select sum(settled) from resource")!.Value;
            }
        }
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
