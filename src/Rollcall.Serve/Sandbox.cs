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

    /// <summary>Adds what is missing; what is there is left as it is, so a second start changes nothing.</summary>
    public static async Task PrepareAsync(
        ICredentialStore credentials, IReadOnlyList<IDocumentStore> instances, DataStandard standard, TimeProvider time, CancellationToken cancellationToken)
    {
        var client = PutClientAsync(credentials, time, cancellationToken);
        foreach (var documents in instances)
        {
            await DescriptorSeed.LoadDescriptorsAsync(documents, standard, cancellationToken);
            await DescriptorSeed.LoadSchoolYearsAsync(documents, standard, time, cancellationToken);
        }

        await client;
    }

    private static async Task PutClientAsync(ICredentialStore credentials, TimeProvider time, CancellationToken cancellationToken)
    {
        var known = await credentials.FindClientAsync(Key, cancellationToken);

        // The slow hash runs beside the descriptors' writes.
        var isFine = known is { IsEnabled: true, ClaimSet: ClaimSet }
            && await Task.Run(() => SecretHash.Verify(Secret, known.SecretHash), cancellationToken);
        if (!isFine)
        {
            var hash = await Task.Run(() => SecretHash.Create(Secret), cancellationToken);
            await credentials.PutClientAsync(
                new ApiClient(Key, "Sandbox", hash, ClaimSet, [], [], ClientAccounts.NextEpoch(known?.CredentialEpoch ?? 0, time), true), cancellationToken);
        }
    }
}
