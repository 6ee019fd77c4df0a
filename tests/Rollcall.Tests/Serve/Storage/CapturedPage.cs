using System.Text;
using Rollcall.Serve.Storage;

namespace Rollcall.Tests.Serve.Storage;

/// <summary>A sink that keeps what a store hands over, and checks that it is handed over as agreed.</summary>
public sealed class CapturedPage : IDocumentSink
{
    public bool IsBegun { get; private set; }

    public long? TotalCount { get; private set; }

    public List<CapturedDocument> Documents { get; } = [];

    public void Begin(long? totalCount)
    {
        Assert.False(IsBegun, "Begin was called twice.");
        IsBegun = true;
        TotalCount = totalCount;
    }

    public void Add(in StoredDocument document)
    {
        Assert.True(IsBegun, "Add was called before Begin.");
        Documents.Add(new CapturedDocument(
            Encoding.UTF8.GetString(document.Body), document.Id, document.RowId, document.ChangeVersion, document.LastModified));
    }
}

/// <summary>A stored document, copied.</summary>
public sealed record CapturedDocument(string Body, Guid Id, long RowId, long ChangeVersion, DateTime LastModified);
