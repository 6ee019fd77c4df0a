using Rollcall.IntegrationTests;
using Rollcall.IntegrationTests.EndToEnd;
using Rollcall.IntegrationTests.EndToEnd.Chaos;
using Rollcall.IntegrationTests.EndToEnd.Histories;
using Rollcall.IntegrationTests.Exchange;
using Rollcall.IntegrationTests.Exchange.Sync;
using Rollcall.IntegrationTests.Properties;
using Rollcall.IntegrationTests.Serve.Http;

[assembly: TestCollectionOrderer(typeof(LongestIntegrationsFirst))]

namespace Rollcall.IntegrationTests;

/// <summary>Those that took ten seconds and more.</summary>
public sealed class LongestIntegrationsFirst() : LongestFirst(
    PostgresCollection.Name, SqliteCollection.Name, Of<SyncAcceptanceTests>(), Of<GrandBendTests>(), Of<SyncHistoryTests>(), Of<PublishBetweenServersTests>(),
    Of<SyncKillTests>(), Of<ChaosTests>(), Of<SyncVerbsTests>(), Of<PublishHistoryTests>(), Of<PostgresHttpSnapshotTests>(), PostgresExtendedCollection.Name, Of<SyncStormTests>(),
    Of<SyncServerHistoryTests>(), Of<HashUpgradeTests>(), Of<OrchestratorTests>(), Of<PostgresLedgerTests>(), Of<TenDaysTests>(), SqliteExtendedCollection.Name,
    Of<PublishKillTests>());
