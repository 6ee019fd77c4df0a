using Rollcall.Exchange.Sync;
using Rollcall.Exchange.Sync.Mapping;
using Rollcall.Standard.Loading;

namespace Rollcall.Tests.Exchange.Sync;

/// <summary>Only a target whose standard is the folder's is synced to, whatever else it serves; the rest is refused by name, and nothing is sent.</summary>
public sealed class TargetStandardTests : IDisposable
{
    private readonly SyncBench _bench = new SyncBench().WithUsualMapping();

    [Theory]
    [InlineData("""[{"name":"Ed-Fi","version":"4.0.0"}]""", "4.0")]
    [InlineData("""[{"name":"Ed-Fi","version":"5.1.0","informationalVersion":"The Ed-Fi Data Model 5.1"}]""", "5.1")]
    [InlineData("""[{"name":"Ed-Fi","version":"6.0.0"},{"name":"TPDM","version":"1.1.0"}]""", "6.0")]
    [InlineData("""[{"name":"TPDM","version":"1.1.0"}]""", "(none)")]
    public async Task A_target_of_another_standard_is_refused_by_check_and_run(string models, string said)
    {
        _bench.Pupils(1);
        _bench.Api.DataModels = models;

        var run = await Assert.ThrowsAsync<MappingException>(() => _bench.RunAsync());
        var check = await Assert.ThrowsAsync<MappingException>(
            () => new SyncCheck(_bench.Read(), CompactModelReader.EdFi52, _bench.With(new SyncOptions()).Client).RunAsync(CancellationToken.None));

        Assert.Equal($"the target serves the Ed-Fi data standard {said}, and the folder is mapped to 5.2. 'rollcall sync model' reads the target's own model into the folder.", Assert.Single(run.Faults));
        Assert.Equal(run.Faults, check.Faults);
        Assert.Equal((0, false), (_bench.Api.Writes("POST"), File.Exists(_bench.LedgerPlace)));
    }

    [Fact]
    public async Task A_target_with_extensions_beside_the_standard_is_synced_to()
    {
        _bench.Pupils(2);
        _bench.Api.DataModels = """[{"name":"Ed-Fi","version":"5.2.0"},{"name":"TPDM","version":"1.1.0"}]""";

        Assert.Equal((SyncOutcome.Done, 4), ((await _bench.RunAsync()).Outcome, _bench.Api.Writes("POST")));
    }

    [Fact]
    public async Task An_extensions_resource_or_member_is_refused_by_its_name()
    {
        _bench.Write("resources/students.sql", SyncBench.Students.Replace("first as", "'x' as \"_ext.tpdm.genderDescriptor\", first as", StringComparison.Ordinal));
        Assert.Contains((await Assert.ThrowsAsync<MappingException>(() => _bench.RunAsync())).Faults, f => f.Contains("_ext.tpdm.genderDescriptor", StringComparison.Ordinal));

        _bench.Write("resources/candidates.sql", "-- resource: tpdm/candidates\nselect 1 as \"candidateIdentifier\"");
        Assert.Contains(Assert.Throws<MappingException>(() => _bench.Read()).Faults, f => f.Contains("no resource tpdm/candidates", StringComparison.Ordinal));
    }

    public void Dispose() => _bench.Dispose();
}
