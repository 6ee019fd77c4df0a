using Npgsql;

namespace Rollcall.IntegrationTests.EndToEnd.Chaos;

/// <summary>A stranger's sessions that hold rows until everybody has arrived: so a deadlock whose victim is a server, and a race that one of
/// two servers loses, happen for certain while everything else happens by chance.</summary>
internal sealed class ChaosGate(TestDatabase database)
{
    private const string Data = "data/v3/ed-fi/";

    /// <summary>A changed key is followed from the session to its offering and to its section. A stranger has the section and waits for the session;
    /// whoever closes the circle looks for one, and that is the server. It must begin again and answer as if nothing had been.</summary>
    public async Task DeadlockAsync(HttpClient server, string name)
    {
        var session = await MakeAsync(server, "sessions", ChaosClients.Session(name, 1));
        var offering = await MakeAsync(server, "courseOfferings", ChaosClients.Offering(name, "C1", 1));
        var section = await MakeAsync(server, "sections", ChaosClients.Section(name, "C1", "X", 1));
        for (var attempt = 1; !await TryDeadlockAsync(server, session, offering, section, ChaosClients.Session($"{name} {attempt}", 1)); attempt++)
        {
        }
    }

    /// <summary>Two servers have read the same row when it is held; when it is let go, one writes it and the other must notice.</summary>
    public async Task RaceAsync(HttpClient first, HttpClient second)
    {
        var period = await MakeAsync(first, "classPeriods", Period("true"));
        await using var gate = await database.ConnectAsync();
        await using var held = await gate.BeginTransactionAsync();
        await HoldAsync(gate, "class_periods", period);
        var puts = new[] { PutAsync(first, $"classPeriods/{period}", Period("false")), PutAsync(second, $"classPeriods/{period}", Period(null)) };
        await UntilAsync($"""
            with first as (select pid from pg_stat_activity where application_name = 'rollcall' and {gate.ProcessID} = any(pg_blocking_pids(pid)))
            select (select count(*) from first) >= 1 and (select count(*) from first)
                + (select count(*) from pg_stat_activity a where application_name = 'rollcall' and a.pid not in (select pid from first)
                   and pg_blocking_pids(a.pid) && (select array_agg(pid) from first)) >= 2
            """);
        await held.RollbackAsync();
        await Task.WhenAll(puts);

        static string Period(string? isOfficial) => $$$"""
            {"classPeriodName":"gate","schoolReference":{"schoolId":2}{{{(isOfficial is null ? "" : $",\"officialAttendancePeriod\":{isOfficial}")}}}}
            """;
    }

    /// <returns>False when somebody else stepped in, and it must be done again.</returns>
    private async Task<bool> TryDeadlockAsync(HttpClient server, Guid session, Guid offering, Guid section, string renamed)
    {
        await using var gate = await database.ConnectAsync();
        await using var rival = await database.ConnectAsync();
        await using var patient = new NpgsqlCommand("set deadlock_timeout = '1h'", rival);
        await patient.ExecuteNonQueryAsync();
        await using var held = await gate.BeginTransactionAsync();
        await using var taken = await rival.BeginTransactionAsync();
        await HoldAsync(gate, "course_offerings", offering);
        await HoldAsync(rival, "sections", section);
        var put = PutAsync(server, $"sessions/{session}", renamed);

        // The server has the session and waits at the gate; then the rival waits for the session.
        await UntilAsync($"select exists (select from pg_stat_activity where application_name = 'rollcall' and {gate.ProcessID} = any(pg_blocking_pids(pid)))");
        var waiting = HoldAsync(rival, "sessions", session);
        var isCertain = await UntilAsync(
            $"""
            select exists (select from pg_stat_activity where application_name = 'rollcall' and {gate.ProcessID} = any(pg_blocking_pids(pid))
                           and pid = any(pg_blocking_pids({rival.ProcessID})))
            """,
            waiting);
        await held.RollbackAsync();
        await waiting;
        await taken.RollbackAsync();
        await put;
        return isCertain;
    }

    private static async Task HoldAsync(NpgsqlConnection stranger, string table, Guid id)
    {
        await using var take = new NpgsqlCommand($"select from rollcall.ed_fi__{table} where id = $1 for update", stranger) { CommandTimeout = 0 };
        take.Parameters.Add(new NpgsqlParameter<Guid> { TypedValue = id });
        await take.ExecuteNonQueryAsync();
    }

    /// <summary>Waits until it is so, or the other thing is done.</summary>
    private async Task<bool> UntilAsync(string isSo, Task? orDone = null)
    {
        while (!await database.ScalarAsync<bool>(isSo))
        {
            if (orDone?.IsCompleted == true)
            {
                return false;
            }

            await Task.Delay(5, TestContext.Current.CancellationToken);
        }

        return true;
    }

    private static async Task<Guid> MakeAsync(HttpClient server, string endpoint, string body)
    {
        using var answer = await server.PostAsync(Data + endpoint, ChaosClients.Json(body));
        Assert.True((int)answer.StatusCode == 201, $"{endpoint}: {await answer.Content.ReadAsStringAsync()}");
        return Guid.Parse(answer.Headers.Location!.Segments[^1]);
    }

    private static async Task PutAsync(HttpClient server, string item, string body)
    {
        using var answer = await server.PutAsync(Data + item, ChaosClients.Json(body));
        Assert.True((int)answer.StatusCode == 204, $"{item}: {await answer.Content.ReadAsStringAsync()}");
    }
}
