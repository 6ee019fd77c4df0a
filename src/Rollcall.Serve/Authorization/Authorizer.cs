using System.Collections.Concurrent;
using System.Globalization;
using Microsoft.Extensions.Logging;
using Rollcall.Serve.Security;
using Rollcall.Standard.Model;

namespace Rollcall.Serve.Authorization;

/// <summary>Says what a caller may do. Holds the compiled claims in memory, and asks the database every second whether they have changed,
/// so that an administrator's change works within seconds on every server and a request costs no query.</summary>
public sealed class Authorizer : IAsyncDisposable
{
    private static readonly TimeSpan AskEvery = TimeSpan.FromSeconds(1);

    private readonly IClaimStore _store;
    private readonly ClaimSetStore _claims;
    private readonly DataStandard _standard;
    private readonly bool _isUpdateByPostCreate;
    private readonly bool _hasOwnership;
    private readonly ILogger _logger;
    private readonly ITimer _timer;
    private readonly SemaphoreSlim _refreshing = new(1);
    private Compiled _current;

    private Authorizer(
        IClaimStore store, ClaimSetStore claims, DataStandard standard, Compiled current, bool isUpdateByPostCreate, bool hasOwnership, TimeProvider time, ILogger logger)
    {
        (_store, _claims, _standard, _current, _logger) = (store, claims, standard, current, logger);
        (_isUpdateByPostCreate, _hasOwnership) = (isUpdateByPostCreate, hasOwnership);
        _timer = time.CreateTimer(_ => _ = AskAsync(), null, AskEvery, AskEvery);
    }

    /// <param name="isUpdateByPostCreate">The DMS's rule: a POST of an existing document needs the right to create only. By default
    /// it needs the right to update, as in the ODS/API.</param>
    /// <param name="hasOwnership">Whether documents get their creators' ownership tokens, and OwnershipBased is evaluated.</param>
    public static async Task<Authorizer> StartAsync(
        IClaimStore store, DataStandard standard, bool isUpdateByPostCreate, bool hasOwnership, TimeProvider time, ILogger logger, CancellationToken cancellationToken)
    {
        var claims = new ClaimSetStore(store, standard);
        var (version, metadata) = await claims.ReadAsync(cancellationToken);
        return new Authorizer(store, claims, standard, new Compiled(version, metadata, standard, hasOwnership), isUpdateByPostCreate, hasOwnership, time, logger);
    }

    /// <summary>The claims as this server applies them now.</summary>
    public ClaimMetadata Metadata => _current.Metadata;

    /// <summary>What the claim set allows; null when the server does not know it.</summary>
    public ClaimSetRights? RightsOf(string claimSet) => Volatile.Read(ref _current).RightsOf(claimSet);

    /// <param name="operation">See <see cref="ClaimSetRights.Of"/>.</param>
    public Access Of(Caller caller, ResourceModel resource, ClaimAction action, string operation) =>
        caller.MayDoEverything ? Access.Everything
        : RightsOf(caller.Client.ClaimSet) is { } rights ? rights.Of(caller.Claims, resource, action, operation)
        : Access.Refused(Denials.NoMetadata);

    /// <summary>The accesses of a POST.</summary>
    public WriteAccess OfPost(Caller caller, ResourceModel resource)
    {
        var create = Of(caller, resource, ClaimAction.Create, "POST");
        return new WriteAccess(create, _isUpdateByPostCreate || create.Refusal is not null ? create : Of(caller, resource, ClaimAction.Update, "POST"))
        {
            Owner = _hasOwnership ? caller.CreatorOwnershipToken?.ToString(CultureInfo.InvariantCulture) : null,
        };
    }

    /// <summary>Applies what is stored, at once: after a change that this server made.</summary>
    public async Task RefreshAsync(CancellationToken cancellationToken)
    {
        await _refreshing.WaitAsync(cancellationToken);
        try
        {
            if (await _store.ClaimsVersionAsync(cancellationToken) != _current.Version)
            {
                var (version, metadata) = await _claims.ReadAsync(cancellationToken);
                Volatile.Write(ref _current, new Compiled(version, metadata, _standard, _hasOwnership));
            }
        }
        finally
        {
            _refreshing.Release();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _timer.DisposeAsync();
        await _refreshing.WaitAsync();
        _refreshing.Dispose();
    }

    private async Task AskAsync()
    {
        try
        {
            await RefreshAsync(CancellationToken.None);
        }
#pragma warning disable CA1031 // what is known stays in force until the database answers again
        catch (Exception failure)
#pragma warning restore CA1031
        {
            _logger.ClaimsNotRead(failure.GetType().Name);
        }
    }

    /// <summary>One version of the claims, with what has been compiled of it.</summary>
    private sealed class Compiled(long version, ClaimMetadata metadata, DataStandard standard, bool hasOwnership)
    {
        private readonly ConcurrentDictionary<string, ClaimSetRights?> _rights = new(StringComparer.Ordinal);

        public long Version => version;

        public ClaimMetadata Metadata => metadata;

        public ClaimSetRights? RightsOf(string name) => _rights.TryGetValue(name, out var rights)
            ? rights
            : _rights.GetOrAdd(name, n => metadata.FindClaimSet(n) is { } set ? new ClaimSetRights(metadata, set, standard, hasOwnership) : null);
    }
}
