using System.Text;
using Rollcall.Exchange.Sync.Mapping;
using Rollcall.Exchange.Sync.Sources;
using Rollcall.Standard.Model;

namespace Rollcall.Exchange.Sync.Capture;

/// <summary>Tells what to read when nobody tells of changes: rows whose <c>@changed</c> is not far below the latest that was seen; else whole resources
/// whose <c>signature</c> gives another answer than when they were last read, and those that have neither.</summary>
internal static class Signatures
{
    private const int KeysMax = 20_000;

    /// <returns>What to read, and the positions that are to be kept together with it: what is read afterwards is at least as new.</returns>
    public static async Task<(Dictionary<ResourceModel, HashSet<string>> Dirty, IReadOnlyList<(string Stream, string Position)> Positions)> ChangedAsync(
        SyncSession session, ISisReader sis, TimeSpan overlap, CancellationToken cancellationToken)
    {
        var ledger = session.Ledger;
        var dirty = new Dictionary<ResourceModel, HashSet<string>>();
        var now = new List<(string Stream, string Position)>();
        foreach (var template in session.Templates)
        {
            if (template.File.Signature is { } sql)
            {
                var stream = "signature " + template.Resource.Name;
                var answer = await AnswerAsync(sis, sql, cancellationToken);
                if (answer == Positions.Of(ledger, stream))
                {
                    continue;
                }

                now.Add((stream, answer));
            }

            dirty[template.Resource] = template.ChangedColumn >= 0 && template.SourceKeyColumn >= 0
                ? await SinceAsync(session, sis, template, overlap, now, cancellationToken) : [ChangeRouter.Everything];
        }

        return (dirty.Where(d => d.Value.Count > 0).ToDictionary(d => d.Key, d => d.Value), now);
    }

    /// <summary>The source keys of rows that say that they have changed. A transaction may commit with a time before one that was seen already, hence the overlap.</summary>
    private static async Task<HashSet<string>> SinceAsync(
        SyncSession session, ISisReader sis, DocumentTemplate template, TimeSpan overlap, List<(string, string)> now, CancellationToken cancellationToken)
    {
        const string Since = "rollcall_since";
        var stream = "changed " + template.Resource.Name;
        var none = new Dictionary<string, string?>();
        var latest = await sis.TextsAsync($"select max(\"@changed\") from ({template.File.Sql}\n) q", none, cancellationToken) is [var most, ..] ? most : null;
        var before = Positions.Of(session.Ledger, stream);
        if (latest is not null && latest != before)
        {
            now.Add((stream, latest));
        }

        if (before is null)
        {
            return [ChangeRouter.Everything];
        }

        var keys = await sis.TextsAsync(
            $"select \"@source_key\" from ({template.File.Sql}\n) q where \"@changed\" >= :{Since}", new Dictionary<string, string?> { [Since] = Watermark.Before(before, overlap) }, cancellationToken);
        return keys.Count > KeysMax ? [ChangeRouter.Everything] : keys.ToHashSet(StringComparer.Ordinal);
    }

    /// <summary>Every column of every row counts.</summary>
    private static async Task<string> AnswerAsync(ISisReader sis, string sql, CancellationToken cancellationToken)
    {
        var answer = new StringBuilder();
        await using var rows = await sis.QueryAsync(sql, isInterleaved: false, null, cancellationToken);
        using var batch = new RowBatch(rows.Columns);
        for (; await rows.ReadAsync(batch, 1000, cancellationToken); batch.Clear())
        {
            for (var row = 0; row < batch.Rows; row++)
            {
                answer.AppendJoin('|', Enumerable.Range(0, batch.Columns).Select(c => Encoding.UTF8.GetString(batch.Cell(row, c)))).Append('\n');
            }
        }

        return answer.ToString();
    }
}
