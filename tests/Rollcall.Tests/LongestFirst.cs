using Rollcall.Tests;
using Rollcall.Tests.Demo;
using Rollcall.Tests.Exchange;
using Rollcall.Tests.Exchange.Sync;
using Rollcall.Tests.Serve.Storage;
using Rollcall.Tests.Standard.Documents;
using Xunit.Sdk;
using Xunit.v3;

[assembly: TestCollectionOrderer(typeof(LongestUnitsFirst))]

namespace Rollcall.Tests;

/// <summary>Begins with the collections that take longest, whose tests run one after the other: one that began late would be left alone at the end,
/// with processors idle.</summary>
/// <param name="longest">Names of classes or collections.</param>
public abstract class LongestFirst(params string[] longest) : ITestCollectionOrderer
{
    public IReadOnlyCollection<TTestCollection> OrderTestCollections<TTestCollection>(IReadOnlyCollection<TTestCollection> testCollections)
        where TTestCollection : ITestCollection =>
        [.. testCollections.OrderBy(c => Rank(c.TestCollectionDisplayName)).ThenBy(c => c.UniqueID, StringComparer.Ordinal)];

    /// <summary>As the collection of a class is listed.</summary>
    protected static string Of<T>() => typeof(T).FullName!;

    private int Rank(string collection) => Array.FindIndex(
        longest, name => collection == name || collection.StartsWith($"Test collection for {name} ", StringComparison.Ordinal)) is >= 0 and var rank ? rank : longest.Length;
}

/// <summary>Those that took three seconds and more.</summary>
public sealed class LongestUnitsFirst() : LongestFirst(
    Of<CrashTests>(), Of<LimitlessMappingTests>(), Of<RemediationScriptTests>(), Of<DayOfChangesTests>(), Of<SqliteStoreConformanceTests>(), Of<GrandBendTests>(),
    Of<HostileBodyTests>(), Of<SyncRunTests>(), Of<SqliteGrandBendTests>(), Of<WatchTests>(), Of<ReconcileTests>());
