using System.Collections.Concurrent;
using Npgsql;

namespace Rollcall.Serve.Storage.Postgres;

/// <summary>Remembers which organizations have rows in a table at all: few of the thousands that a caller may have.</summary>
internal sealed class OrganizationLists(Horizon horizon)
{
    private readonly ConcurrentDictionary<(string Table, string Column), ListedOrganizations> _known = [];

    public async ValueTask<ListedOrganizations> OfAsync(NpgsqlConnection connection, ListRuns runs, CancellationToken cancellationToken)
    {
        // Settled first, then the statement's snapshot: it sees every row that was written with a version up to that.
        var settled = (await horizon.GetAsync(cancellationToken)).Version;
        var key = (runs.Table, runs.Organization);
        if (_known.TryGetValue(key, out var known) && settled - known.Version < ListedOrganizations.VersionsSinceMax)
        {
            return known;
        }

        var (table, column) = ("rollcall." + runs.Table, runs.Organization);
        await using var batch = new NpgsqlBatch(connection);
        batch.Then($"""
            with recursive d (v) as (
                (select s.{column} from {table} s where s.{column} is not null order by s.{column} limit 1)
                union all
                select (select s.{column} from {table} s where s.{column} > d.v order by s.{column} limit 1) from d where d.v is not null)
            select d.v from d where d.v is not null
            """);
        var organizations = new List<long>();
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            organizations.Add(reader.GetInt64(0));
        }

        return _known[key] = new ListedOrganizations([.. organizations], settled);
    }
}
