using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Rollcall.Exchange.Client;

namespace Rollcall.Exchange.Ledger;

/// <summary>Names the cause that refusals have in common, and says who can do something about it.</summary>
internal static class ErrorGroup
{
    /// <summary>The same number for the same cause, on every machine and in every run.</summary>
    public static long NumberOf(long resourceId, ApiFailure failure)
    {
        var text = string.Create(CultureInfo.InvariantCulture, $"{resourceId}\0{failure.Kind}\0{failure.Status}\0{failure.ProblemType}\0{failure.Message}");
        return BinaryPrimitives.ReadInt64BigEndian(SHA256.HashData(Encoding.UTF8.GetBytes(text))) & 0xFFFFFFFFFFFF;
    }

    /// <summary><c>steward</c>: the data in the SIS. <c>vendor</c>: the mapping. <c>host</c>: the API and its rights.</summary>
    public static string OwnerOf(FailureKind kind) => kind switch
    {
        FailureKind.Invalid or FailureKind.UnresolvedReference or FailureKind.DependentItem => "steward",
        FailureKind.KeyConflict or FailureKind.KeyChange or FailureKind.Conflict or FailureKind.Precondition or FailureKind.NotFound or FailureKind.Gone => "vendor",
        _ => "host",
    };
}
