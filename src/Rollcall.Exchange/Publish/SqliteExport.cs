using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using Rollcall.Databases;
using Rollcall.Exchange.Client;
using Rollcall.Exchange.Delivery;
using Rollcall.Standard.Model;

namespace Rollcall.Exchange.Publish;

/// <summary>Publishes an API into a SQLite file for analysts: one table for each resource, one row a page as the API Publisher has it, and a
/// view with one row a document. The file is made beside its name and takes it when it is whole; else an earlier export stays.</summary>
public sealed class SqliteExport : IDisposable
{
    /// <summary>"RolX" in ASCII: tells an export from other SQLite files.</summary>
    private const int ApplicationId = 0x526F6C58;

    private readonly PublishOptions _options;
    private readonly EdFiClient _source;

    private SqliteExport(PublishOptions options, EdFiClient source, IReadOnlyList<ResourceName> resources)
    {
        _options = options;
        _source = source;
        Resources = resources;
    }

    public DeliveryProgress Progress { get; } = new();

    public IReadOnlyList<ResourceName> Resources { get; }

    public long Requests => _source.Requests;

    /// <exception cref="ApiException">The source cannot be reached or does not let us in.</exception>
    /// <exception cref="InvalidDataException">The selection names a resource that there is not.</exception>
    public static async Task<SqliteExport> PrepareAsync(PublishOptions options, CancellationToken cancellationToken)
    {
        RefuseAnother(options.TargetFile!);
        var source = await EdFiClient.ConnectAsync(
            options.Source,
            new ClientOptions
            {
                ConnectionsMax = options.ResourcesMax * options.PagesPerResourceMax,
                Retry = options.Retry,
                TokenRefresh = options.BearerTokenRefresh,
                IgnoreSslErrors = options.IgnoreSslErrors,
                RateLimit = options.RateLimit,
            },
            cancellationToken);
        try
        {
            // A file has no order of its own.
            var order = (await DependencyGraph.ReadAsync(source, cancellationToken)).WithRepeats(options.UpdatePrerequisites);
            var chosen = Selection.Choose(order, options.Include, options.IncludeOnly, options.Exclude, options.ExcludeOnly, options.IncludeDescriptors);
            return new SqliteExport(options, source, [.. order.Resources.Where(chosen.Contains)]);
        }
        catch
        {
            source.Dispose();
            throw;
        }
    }

    /// <returns>Documents of each resource, and why a resource could not be read.</returns>
    public async Task<IReadOnlyList<(ResourceName Resource, long Documents, ApiFailure? Failure)>> RunAsync(CancellationToken cancellationToken)
    {
        var source = _options.IgnoreIsolation ? _source : await Isolation.RequireAsync(_source, Resources, cancellationToken);
        var newest = await ChangeWindow.NewestAsync(source, cancellationToken);
        var pages = new SourcePages(source, _options.PageSize, _options.PagesPerResourceMax)
        {
            IsWhole = true,
            Counted = (_, count) => Progress.Expect(count),
        };
        var results = new List<(ResourceName, long, ApiFailure?)>();
        if (_options.DryRun)
        {
            foreach (var resource in Resources)
            {
                results.Add(await ReadAsync(pages, resource, static _ => { }, cancellationToken));
            }

            return results;
        }

        var path = Path.GetFullPath(_options.TargetFile!);
        var fresh = FreshNameOf(path);
        File.Delete(fresh);
        using (var db = SqliteDb.OpenWriter(fresh))
        {
            db.Execute($"""
                pragma application_id={ApplicationId};
                create table PublishingMetadata(CurrentChangeVersion integer, SourceVersionMetadata text, TargetVersionMetadata text, MinChangeVersion integer, MaxChangeVersion integer);
                create table ResourceItemCount(ResourcePath text not null, ItemCount integer not null);
                """);
            foreach (var resource in Resources)
            {
                results.Add(await ExportAsync(db, pages, resource, cancellationToken));
            }

            using (var insert = db.Prepare("insert into PublishingMetadata(CurrentChangeVersion, SourceVersionMetadata, MaxChangeVersion) values (?, ?, ?)"))
            {
                insert.Bind(1, newest).BindText(2, $$"""{"version":"{{_source.Api.Version}}"}""").Bind(3, newest).Run();
            }

            // One file, whoever opens it.
            db.Execute("pragma wal_checkpoint(truncate); pragma journal_mode=delete;");
        }

        if (results.TrueForAll(r => r.Item3 is null))
        {
            RefuseAnother(path);
            File.Move(fresh, path, overwrite: true);
        }

        return results;
    }

    /// <summary>What the file is called until it is whole.</summary>
    public static string FreshNameOf(string file) => Path.GetFullPath(file) + ".new";

    /// <summary>Only an empty file and an earlier export are replaced; one made before exports had a mark is known by its tables.</summary>
    /// <exception cref="InvalidDataException">The name is another file's.</exception>
    private static void RefuseAnother(string path)
    {
        if (Directory.Exists(path) || (File.Exists(path) && !IsExport(path)))
        {
            throw new InvalidDataException($"--targetFile {path} is there, and publish has not made it. It is left as it is: give the path of a new file, or of an earlier export.");
        }
    }

    private static bool IsExport(string path)
    {
        Span<byte> header = stackalloc byte[72];
        using (var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete))
        {
            var length = file.ReadAtLeast(header, header.Length, throwOnEndOfStream: false);
            if (length < header.Length || !header.StartsWith("SQLite format 3\0"u8))
            {
                return length == 0;
            }
        }

        // Of a file with a write-ahead log, which an export never has, even reading would make two files beside it.
        var kind = BinaryPrimitives.ReadInt32BigEndian(header[68..]);
        if (kind != 0 || header[18] != 1)
        {
            return kind == ApplicationId;
        }

        using var db = SqliteDb.OpenReader(path);
        return db.Number("select count(*) from sqlite_schema where type = 'table' and name in ('PublishingMetadata', 'ResourceItemCount')") == 2;
    }

    private async Task<(ResourceName, long, ApiFailure?)> ExportAsync(SqliteDb db, SourcePages pages, ResourceName resource, CancellationToken cancellationToken)
    {
        var table = $"{resource.Namespace.Replace('-', '_')}__{resource.Endpoint}";
        var page = new MemoryStream();
        var inPage = 0;
        db.Execute("begin");
        db.Execute($"""
            create table "{table}"(id integer primary key autoincrement, json text not null);
            create view "{table}_documents" as select value ->> 'id' as id, value as document from "{table}", json_each("{table}".json);
            """);
        using var insert = db.Prepare($"insert into \"{table}\"(json) values (?)");
        var result = await ReadAsync(
            pages, resource,
            document =>
            {
                page.WriteByte((byte)(inPage == 0 ? '[' : ','));
                page.Write(document.Body.Span);
                if (++inPage == pages.PageSize)
                {
                    WritePage();
                }
            },
            cancellationToken);
        if (result is { Documents: 0 } or { Failure: not null })
        {
            db.Execute("rollback");
            return result;
        }

        WritePage();
        using (var total = db.Prepare("insert into ResourceItemCount(ResourcePath, ItemCount) values (?, ?)"))
        {
            total.BindText(1, resource.Path).Bind(2, result.Documents).Run();
        }

        db.Execute("commit");
        return result;

        void WritePage()
        {
            if (inPage > 0)
            {
                page.WriteByte((byte)']');
                insert.BindText(1, page.GetBuffer().AsSpan(0, (int)page.Length)).Run();
                page.SetLength(0);
                inPage = 0;
            }
        }
    }

    private async Task<(ResourceName Resource, long Documents, ApiFailure? Failure)> ReadAsync(
        SourcePages pages, ResourceName resource, Action<OutgoingDocument> take, CancellationToken cancellationToken)
    {
        var count = 0L;
        try
        {
            await foreach (var document in pages.ReadAsync(resource, cancellationToken))
            {
                take(document);
                count++;
                Progress.CountDone();
            }

            return (resource, count, null);
        }
        catch (ApiException refused) when (refused.Failure.Kind == FailureKind.Forbidden && resource.NamesDescriptors)
        {
            // As to an API: passed over, and no reason to keep the rest back.
            return (resource, 0, null);
        }
        catch (ApiException exception) when (exception.Failure.Reach != FailureReach.Run)
        {
            return (resource, 0, exception.Failure);
        }
    }

    /// <summary>The account for a person: one line, then each resource that could not be read.</summary>
    public static string TextOf(IReadOnlyList<(ResourceName Resource, long Documents, ApiFailure? Failure)> results, PublishOptions options)
    {
        var (text, file) = (new StringBuilder(), options.TargetFile!);
        text.AppendLine(
            CultureInfo.InvariantCulture,
            $"{results.Sum(r => r.Documents):N0} documents of {results.Count(r => r.Documents > 0)} resources from {options.Source} {(options.DryRun ? "would go" : "are")} into {file}.");
        foreach (var (resource, _, failure) in results.Where(r => r.Failure is not null))
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"  {resource}: could not be read: {failure!.Message}");
        }

        if (!options.DryRun && results.Any(r => r.Failure is not null))
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"What could be read is in {FreshNameOf(file)}; {file} stays as it was.");
        }

        return text.ToString();
    }

    public void Dispose() => _source.Dispose();
}
