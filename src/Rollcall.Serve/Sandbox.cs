using Rollcall.Serve.Security;
using Rollcall.Serve.Storage;
using Rollcall.Standard.Model;

namespace Rollcall.Serve;

/// <summary>What <c>--sandbox</c> adds to a database: one client that may do everything, the standard descriptors, the school years.</summary>
internal static class Sandbox
{
    public const string Key = "sandbox";
    public const string Secret = "sandbox";
    public const string ClaimSet = "Ed-Fi Sandbox";

    /// <summary>The secret as it is kept, made beforehand: everybody knows it, and the slow hash would be a quarter of every start.</summary>
    public const string KeptSecret = "pbkdf2-sha512$210000$cm9sbGNhbGwgc2FuZGJveA==$f8U71wosFUK6qHwCl54RgwYmnOwVlLUFDtJgWeGiRFc=";

    /// <summary>Adds what is missing; what is there is left as it is, so a second start changes nothing.</summary>
    public static async Task PrepareAsync(
        ICredentialStore credentials, IReadOnlyList<IDocumentStore> instances, DataStandard standard, TimeProvider time, CancellationToken cancellationToken)
    {
        await PutClientAsync(credentials, time, cancellationToken);
        foreach (var documents in instances)
        {
            await DescriptorSeed.LoadDescriptorsAsync(documents, standard, cancellationToken);
            await DescriptorSeed.LoadSchoolYearsAsync(documents, standard, time, cancellationToken);
        }
    }

    private static async Task PutClientAsync(ICredentialStore credentials, TimeProvider time, CancellationToken cancellationToken)
    {
        var known = await credentials.FindClientAsync(Key, cancellationToken);
        var isFine = known is { IsEnabled: true, ClaimSet: ClaimSet } && (known.SecretHash == KeptSecret || SecretHash.Verify(Secret, known.SecretHash));
        if (!isFine)
        {
            await credentials.PutClientAsync(
                new ApiClient(Key, "Sandbox", KeptSecret, ClaimSet, [], [], ClientAccounts.NextEpoch(known?.CredentialEpoch ?? 0, time), true), cancellationToken);
        }
    }
}
