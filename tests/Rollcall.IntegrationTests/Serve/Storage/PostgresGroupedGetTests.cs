using System.Text;
using Rollcall.Serve.Storage;

namespace Rollcall.IntegrationTests.Serve.Storage;

/// <summary>GETs that share round trips answer each question with its own document, never with an older one than was acknowledged.</summary>
public sealed class PostgresGroupedGetTests(PostgresFixture postgres)
{
    private const int Readers = 24;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Each_of_many_readers_sees_what_was_acknowledged_before_it_asked()
    {
        await using var database = await postgres.WithSchemaAsync();
        await using var store = await database.OpenStoreAsync();
        await using var other = await database.OpenStoreAsync();
        await store.SeedAsync();
        var students = StoreDocuments.Standard.Core("students");
        await Task.WhenAll(Enumerable.Range(0, Readers).Select(async reader =>
        {
            // Half write over another server than they read from.
            var writer = reader % 2 == 0 ? store : other;
            var id = (await writer.CreateAsync("students", StoreDocuments.Student($"G{reader}", "Surname0"))).Id;
            for (var turn = 1; turn <= 25; turn++)
            {
                var surname = $"Surname{turn}";
                Assert.IsType<WriteOutcome.Updated>(await writer.PostAsync("students", StoreDocuments.Student($"G{reader}", surname)));
                var page = new Collected();
                Assert.True(await store.GetAsync(students, id, page, Token));
                var (found, _, _, _, body) = Assert.Single(page.Documents);
                Assert.Equal(id, found);
                Assert.Contains($"\"{surname}\"", body, StringComparison.Ordinal);
                Assert.Equal(1, page.Begins);
                Assert.False(await store.GetAsync(students, Guid.NewGuid(), new Collected(), Token));
                Assert.False(await store.GetAsync(StoreDocuments.Standard.Core("schools"), id, new Collected(), Token));
            }
        }));

        var (groups, gets) = store.ReadTotals;
        Assert.Equal(Readers * 25 * 3, gets);
        Assert.InRange(groups, 1, gets - 1);
    }

    [Fact]
    public async Task A_reader_whose_client_has_gone_fails_alone()
    {
        await using var database = await postgres.WithSchemaAsync();
        await using var store = await database.OpenStoreAsync();
        await store.SeedAsync();
        var students = StoreDocuments.Standard.Core("students");
        var id = (await store.CreateAsync("students", StoreDocuments.Student("gone"))).Id;
        var failing = Enumerable.Range(0, 10).Select(_ => store.GetAsync(students, id, new Gone(), Token).AsTask()).ToArray();
        var fine = Enumerable.Range(0, 10).Select(_ => store.GetAsync(students, id, new Collected(), Token).AsTask()).ToArray();
        foreach (var get in failing)
        {
            await Assert.ThrowsAsync<InvalidOperationException>(() => get);
        }

        Assert.All(await Task.WhenAll(fine), Assert.True);
    }

    private sealed class Gone : IDocumentSink
    {
        public void Begin(long? totalCount)
        {
        }

        public void Add(in StoredDocument document) => throw new InvalidOperationException(Encoding.UTF8.GetString(document.Body[..1]));
    }
}
