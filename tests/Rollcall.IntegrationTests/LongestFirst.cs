using Rollcall.IntegrationTests;
using Rollcall.IntegrationTests.EndToEnd;
using Rollcall.IntegrationTests.EndToEnd.Chaos;
using Rollcall.IntegrationTests.EndToEnd.Histories;
using Rollcall.IntegrationTests.Exchange;
using Rollcall.IntegrationTests.Exchange.Sync;
using Rollcall.IntegrationTests.Properties;
using Rollcall.IntegrationTests.Serve.Http;
using Xunit.Sdk;
using Xunit.v3;

[assembly: TestCollectionOrderer(typeof(LongestFirst))]

namespace Rollcall.IntegrationTests;

/// <summary>Begins with the collections that take longest, whose tests run one after the other: one that began late would be left alone at the end,
/// with processors idle.</summary>
public sealed class LongestFirst : ITestCollectionOrderer
{
    /// <summary>What took ten seconds and more, measured on two processors.</summary>
    private static readonly string[] _longest =
    [
        PostgresCollection.Name, SqliteCollection.Name, Of<SyncAcceptanceTests>(), Of<GrandBendTests>(), Of<SyncHistoryTests>(), Of<PublishBetweenServersTests>(),
        Of<SyncKillTests>(), Of<ChaosTests>(), Of<SyncVerbsTests>(), Of<PublishHistoryTests>(), PostgresExtendedCollection.Name, Of<SyncStormTests>(),
        Of<SyncServerHistoryTests>(), Of<HashUpgradeTests>(), Of<OrchestratorTests>(), Of<PostgresLedgerTests>(), Of<TenDaysTests>(), SqliteExtendedCollection.Name,
        Of<PublishKillTests>(),
    ];

    public IReadOnlyCollection<TTestCollection> OrderTestCollections<TTestCollection>(IReadOnlyCollection<TTestCollection> testCollections)
        where TTestCollection : ITestCollection =>
        [.. testCollections.OrderBy(c => Rank(c.TestCollectionDisplayName)).ThenBy(c => c.UniqueID, StringComparer.Ordinal)];

    private static int Rank(string collection) => Array.FindIndex(
        _longest, name => collection == name || collection.StartsWith($"Test collection for {name} ", StringComparison.Ordinal)) is >= 0 and var rank ? rank : _longest.Length;

    private static string Of<T>() => typeof(T).FullName!;
}
