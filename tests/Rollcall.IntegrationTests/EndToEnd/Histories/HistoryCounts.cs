namespace Rollcall.IntegrationTests.EndToEnd.Histories;

/// <summary>Where in a publish a process was killed.</summary>
internal enum KillStage
{
    Start,
    KeyChanges,
    Upserts,
    Deletes,
    End,
}

/// <summary>Who was killed.</summary>
internal enum Victim
{
    Publisher,
    Source,
    Target,
}

/// <summary>One kill that is to be: where, whom, and how far into the stage, from 0 to 1.</summary>
internal readonly record struct Kill(KillStage Stage, Victim Victim, double Share);

/// <summary>What happened in all histories together.</summary>
internal sealed class HistoryCounts
{
    private readonly Lock _lock = new();
    private readonly int[,] _kills = new int[Enum.GetValues<KillStage>().Length, Enum.GetValues<Victim>().Length];
    private long _needed;
    private long _again;
    private int _histories;

    public long Needed => _needed;

    public long Again => _again;

    public int Histories => _histories;

    public void Killed(KillStage stage, Victim victim)
    {
        lock (_lock)
        {
            _kills[(int)stage, (int)victim]++;
        }
    }

    public int Of(KillStage stage, Victim victim) => _kills[(int)stage, (int)victim];

    public void Ended(long needed, long again)
    {
        lock (_lock)
        {
            _needed += needed;
            _again += again;
            _histories++;
        }
    }

    public override string ToString() => string.Join(
        "; ", Enum.GetValues<KillStage>().Select(s => $"{s}: {string.Join(", ", Enum.GetValues<Victim>().Select(v => $"{v} {Of(s, v)}"))}"))
        + $"; {_histories} histories, {_needed} writes needed, {_again} sent again ({(_needed == 0 ? 0 : 100.0 * _again / _needed):F3} %)";
}
