using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using System.Threading.Channels;
using Rollcall.Exchange.Client;
using Rollcall.Exchange.Ledger;
using Rollcall.Exchange.Sync.Mapping;
using Rollcall.Exchange.Sync.Sources;
using Rollcall.Standard.Documents;
using Rollcall.Standard.Model;

namespace Rollcall.Exchange.Sync;

/// <summary>Extract, Map and Stamp side by side: one reader of the database, several mappers, and batches of stamps for whoever takes them.</summary>
internal static partial class Scan
{
    private const int GroupsAhead = 8;

    /// <summary>As many rows as are compared with the ledger at a time: mapping goes on meanwhile.</summary>
    private const int StampedAhead = 16;
    private static readonly int Mappers = Math.Clamp(Environment.ProcessorCount - 1, 1, 8);

    /// <summary>Streams a resource's stamps, a group of rows at a time, in no particular order.</summary>
    /// <exception cref="SisException">The scan is not complete.</exception>
    public static async IAsyncEnumerable<List<Stamp>> StampsAsync(
        ISisReader sis, DocumentTemplate template, RowFilter? filter, DocumentReader reader, DataStandard standard, TargetDescriptors? known, Findings findings,
        IReadOnlyList<OlderHash> older, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var groups = Channel.CreateBounded<RowGroup>(GroupsAhead);
        var stamps = Channel.CreateBounded<List<Stamp>>(StampedAhead);
        var extract = Task.Run(() => ExtractAsync(sis, template, filter, findings, groups.Writer, stop.Token), CancellationToken.None);
        var map = Task.Run(() => MapAllAsync(template, reader, standard, known, findings, older, groups.Reader, stamps.Writer, stop.Token), CancellationToken.None);
        try
        {
            await foreach (var batch in stamps.Reader.ReadAllAsync(cancellationToken))
            {
                yield return batch;
            }

            await extract;
        }
        finally
        {
            await stop.CancelAsync();
            await Task.WhenAll(extract, map).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private static async Task ExtractAsync(
        ISisReader sis, DocumentTemplate template, RowFilter? filter, Findings findings, ChannelWriter<RowGroup> groups, CancellationToken cancellationToken)
    {
        try
        {
            await foreach (var group in Extract.ReadAsync(sis, template, filter, findings, cancellationToken))
            {
                await groups.WriteAsync(group, cancellationToken);
            }

            groups.TryComplete();
        }
        catch (Exception e)
        {
            groups.TryComplete(e);
            throw;
        }
    }

    private static async Task MapAllAsync(
        DocumentTemplate template, DocumentReader reader, DataStandard standard, TargetDescriptors? known, Findings findings, IReadOnlyList<OlderHash> older,
        ChannelReader<RowGroup> groups, ChannelWriter<List<Stamp>> stamps, CancellationToken cancellationToken)
    {
        try
        {
            await Task.WhenAll(Enumerable.Range(0, Mappers).Select(_ => Task.Run(
                async () =>
                {
                    var stamper = new Stamper(template, new RowMapper(template, standard, known, findings), reader, findings, older);
                    await foreach (var group in groups.ReadAllAsync(cancellationToken))
                    {
                        using (group)
                        {
                            await stamps.WriteAsync(stamper.Stamp(group), cancellationToken);
                        }
                    }
                },
                CancellationToken.None)));
            stamps.TryComplete();
        }
        catch (Exception e)
        {
            stamps.TryComplete(e);
        }
    }

    /// <summary>Stamps rows; one instance serves one thread.</summary>
    internal sealed partial class Stamper(DocumentTemplate template, RowMapper mapper, DocumentReader reader, Findings findings, IReadOnlyList<OlderHash>? older = null)
    {
        private const int MessagesMax = 1000;
        private readonly Dictionary<string, string> _masked = new(StringComparer.Ordinal);

        public List<Stamp> Stamp(RowGroup group)
        {
            var stamps = new List<Stamp>(group.Rows.Rows);
            for (var row = 0; row < group.Rows.Rows; row++)
            {
                if (Stamp(group, row) is { } stamp)
                {
                    stamps.Add(stamp);
                }
            }

            return stamps;
        }

        private Stamp? Stamp(RowGroup group, int row)
        {
            var outcome = mapper.Map(group, row);
            if (outcome == MapOutcome.Omitted)
            {
                return null;
            }

            var sourceKey = group.Rows.Cell(row, template.SourceKeyColumn).ToArray();
            if (outcome == MapOutcome.Mapped)
            {
                var read = reader.Read(mapper.Json, ReadPurpose.Item, null);
                if (read.Document is { } document)
                {
                    return new Stamp(document.KeyHash, document.RecordHash, sourceKey, document.Body, true)
                    {
                        Older = older is { Count: > 0 } ? [.. older.Select(o => o.Of(document))] : null,
                    };
                }

                var school = CellText.Trimmed(group.Rows.Cell(row, template.ScopeColumn));
                foreach (var fault in read.Faults)
                {
                    findings.Add(template.Resource.Name, FindingKind.Fault, Index().Replace(fault.Path, "[*]"), Masked(fault.Message), school, row: sourceKey);
                }
            }

            return new Stamp(mapper.Key(), default, sourceKey, default, false)
            {
                Older = older is { Count: > 0 } && mapper.KeyTexts() is { } texts ? [.. older.Select(o => new OlderStamp(o.Version, o.KeyOf(texts), null))] : null,
            };
        }

        /// <summary>A fault's text without the values that it may quote.</summary>
        private string Masked(string message)
        {
            if (!_masked.TryGetValue(message, out var masked))
            {
                masked = MessageTemplate.Mask(message, mapper.Json.ToArray());
                if (_masked.Count < MessagesMax)
                {
                    _masked[message] = masked;
                }
            }

            return masked;
        }

        [GeneratedRegex(@"\[\d+\]")]
        private static partial Regex Index();
    }
}
