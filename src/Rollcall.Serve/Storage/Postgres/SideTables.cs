using Npgsql;

namespace Rollcall.Serve.Storage.Postgres;

/// <summary>Keeps the references inside collections: ordinals 0, 1, 2 … per document and place.</summary>
internal static class SideTables
{
    public static void Put(NpgsqlBatch batch, TableStatements statements, IReadOnlyList<PlannedWrite> planned)
    {
        foreach (var side in statements.Sides)
        {
            var (ids, ordinals, targets, contents) = (new List<Guid>(), new List<long>(), new List<long>(), new List<Guid>());
            var (trimmed, counts, trimmedContents) = (new List<Guid>(), new List<long>(), new List<Guid>());
            foreach (var plan in planned)
            {
                var content = plan.Document.RecordHash.ToGuid();
                var count = 0;
                for (var i = 0; i < plan.Targets.Length; i++)
                {
                    if (ReferenceEquals(plan.Document.References[i].Model, side.Side.Reference))
                    {
                        ids.Add(plan.Id);
                        ordinals.Add(count++);
                        targets.Add(plan.Targets[i].RowId);
                        contents.Add(content);
                    }
                }

                if (plan.Existing is not null)
                {
                    trimmed.Add(plan.Id);
                    counts.Add(count);
                    trimmedContents.Add(content);
                }
            }

            if (trimmed.Count > 0)
            {
                batch.Then(side.Trim).With(trimmed.ToArray()).With(counts.ToArray()).With(trimmedContents.ToArray());
            }

            if (ids.Count > 0)
            {
                batch.Then(side.Put).With(ids.ToArray()).With(ordinals.ToArray()).With(targets.ToArray()).With(contents.ToArray());
            }
        }
    }
}
