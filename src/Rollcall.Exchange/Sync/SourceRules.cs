using Rollcall.Exchange.Sync.Mapping;
using Rollcall.Exchange.Sync.Sources;

namespace Rollcall.Exchange.Sync;

/// <summary>Runs a folder's rules in the snapshot that is synced.</summary>
internal static class SourceRules
{
    private const int RowsPerRead = 1000;

    /// <exception cref="MappingException">The database refuses a rule's query.</exception>
    public static async Task CheckAsync(MappingFolder folder, ISisReader sis, Findings findings, CancellationToken cancellationToken)
    {
        foreach (var rule in folder.Rules)
        {
            try
            {
                var key = (await sis.DescribeAsync(rule.Sql, cancellationToken)).ToList().IndexOf("@source_key");
                await using var rows = await sis.QueryAsync(rule.Sql, false, null, cancellationToken);
                using var batch = new RowBatch(rows.Columns);
                for (; await rows.ReadAsync(batch, RowsPerRead, cancellationToken); batch.Clear())
                {
                    for (var row = 0; row < batch.Rows; row++)
                    {
                        findings.Add(rule.Resource, FindingKind.Rule, rule.FileName, "", row: batch.Cell(row, key));
                    }
                }
            }
            catch (SisException e) when (!e.IsUnavailable)
            {
                throw new MappingException($"{rule.FileName}: the database refuses the query: {e.Message}");
            }
        }
    }
}
