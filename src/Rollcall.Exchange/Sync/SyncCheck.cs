using System.Text;
using Rollcall.Exchange.Client;
using Rollcall.Exchange.Sync.Mapping;
using Rollcall.Standard.Documents;
using Rollcall.Standard.Model;

namespace Rollcall.Exchange.Sync;

/// <summary>Rows of a resource and how many of them become documents.</summary>
public sealed record CheckedResource(ResourceName Resource, long Rows, long Invalid);

/// <summary>Looks at a mapping without a ledger and without sending anything: do both connections work, does every row become a valid document,
/// does every code have a descriptor that the target knows?</summary>
public sealed class SyncCheck(MappingFolder folder, DataStandard standard, ClientOptions client)
{
    private readonly Findings _findings = new();

    public IReadOnlyList<Finding> Findings => _findings.ToList();

    /// <summary>How many golden tests the folder has.</summary>
    public int GoldenTests { get; private set; }

    /// <summary>Golden tests that fail, each in a line that names members and no values.</summary>
    public IReadOnlyList<string> GoldenFaults { get; private set; } = [];

    /// <summary>Maps every row of every resource, and runs the folder's golden tests and rules.</summary>
    public async Task<IReadOnlyList<CheckedResource>> RunAsync(CancellationToken cancellationToken)
    {
        await using var sis = await SyncRun.OpenSisAsync(folder, cancellationToken);
        var templates = await folder.CompileAsync(sis, cancellationToken);
        using var target = await SyncTarget.ConnectAsync(folder.Profile.Target, standard, templates, client, cancellationToken);
        (GoldenTests, GoldenFaults) = Sync.GoldenTests.Run(Path.Combine(folder.Path, "tests"), templates, standard);
        await SourceRules.CheckAsync(folder, sis, _findings, cancellationToken);
        var resources = new List<CheckedResource>();
        foreach (var template in templates.OrderBy(t => target.Stages[t.Resource].Create))
        {
            long rows = 0;
            long invalid = 0;
            var reader = DocumentReader.For(template.Resource, standard);
            await foreach (var stamps in Scan.StampsAsync(sis, template, null, reader, standard, target.Descriptors, _findings, [], cancellationToken))
            {
                rows += stamps.Count;
                invalid += stamps.Count(s => !s.IsValid);
            }

            resources.Add(new CheckedResource(template.Resource.Name, rows, invalid));
        }

        return resources;
    }

    /// <summary>Maps one resource's rows, without the target, and hands each document over as it would be sent.</summary>
    /// <param name="sourceKey">Only the row with this <c>@source_key</c>; null for all rows.</param>
    /// <param name="take">Returns false to end.</param>
    /// <exception cref="MappingException">The folder does not map the resource, or is wrong.</exception>
    public async Task PreviewAsync(string resource, string? sourceKey, Func<string, bool> take, CancellationToken cancellationToken)
    {
        await using var sis = await SyncRun.OpenSisAsync(folder, cancellationToken);
        var templates = await folder.CompileAsync(sis, cancellationToken);
        var name = ResourceName.TryParse(resource) is { } parsed ? standard.Find(parsed)?.Name : null;
        var template = templates.FirstOrDefault(t => t.Resource.Name == name) ?? throw new MappingException(
            $"the folder maps no resource {resource}{(Nearest.To(resource, templates.Select(t => t.Resource.Name.Endpoint)) is { } near ? $"; did you mean {near}?" : ".")}");
        if (sourceKey is not null && template.SourceKeyColumn < 0)
        {
            throw new MappingException($"{template.File.FileName}: without a column \"@source_key\" a row cannot be found by its key.");
        }

        var reader = DocumentReader.For(template.Resource, standard);
        var filter = sourceKey is null ? null : new RowFilter("@source_key", [sourceKey]);
        await foreach (var stamps in Scan.StampsAsync(sis, template, filter, reader, standard, null, _findings, [], cancellationToken))
        {
            foreach (var stamp in stamps.Where(s => s.IsValid && (sourceKey is null || Encoding.UTF8.GetString(s.SourceKey.Span) == sourceKey)))
            {
                if (!take(Encoding.UTF8.GetString(stamp.Body.Span)))
                {
                    return;
                }
            }
        }
    }
}
