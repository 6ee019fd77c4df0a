using Microsoft.AspNetCore.Http;
using Rollcall.Serve.Endpoints;
using Rollcall.Serve.Security;

namespace Rollcall.Serve;

/// <summary>Everything that one server serves: finds the tenant and the instance that a request's address and its caller lead to.</summary>
internal sealed class Deployment(RouteTemplate template, IReadOnlyList<ServedTenant> tenants)
{
    /// <summary>The usual server: one database, and addresses that begin with their family.</summary>
    private readonly ServedInstance? _only = template.SegmentCount == 0 && tenants is [{ Instances: [var one] }] ? one : null;

    public RouteTemplate Template => template;

    public IReadOnlyList<ServedTenant> Tenants => tenants;

    public IEnumerable<ServedInstance> Instances => tenants.SelectMany(t => t.Instances);

    /// <summary>The tenant that the path names; the only one where paths name none; null when there is none of that name.</summary>
    public ServedTenant? FindTenant(in RequestPath path)
    {
        if (!template.HasTenants)
        {
            return tenants[0];
        }

        foreach (var tenant in tenants)
        {
            if (path.PrefixCount > 0 && path.PrefixSegment(0).Equals(tenant.Name, StringComparison.OrdinalIgnoreCase))
            {
                return tenant;
            }
        }

        return null;
    }

    /// <summary>Who makes the request, and as a client of which tenant. A token of another tenant is as good a token: that it leads nowhere here
    /// is found out later, and looks like any other route that leads nowhere.</summary>
    public async ValueTask<(BearerResult Bearer, ServedTenant Tenant)> AuthenticateAsync(HttpContext http, ServedTenant? addressed)
    {
        var first = addressed ?? tenants[0];
        var bearer = await first.Bearer.CheckAsync(http);
        if (bearer.Caller is null)
        {
            foreach (var other in tenants)
            {
                if (!ReferenceEquals(other, first) && await other.Bearer.CheckAsync(http) is { Caller: not null } found)
                {
                    return (found, other);
                }
            }
        }

        return (bearer, first);
    }

    /// <summary>The tenant that has the client of a token request whose address names none; null when no tenant has it.</summary>
    public async ValueTask<ServedTenant?> FindTenantOfClientAsync(HttpContext http)
    {
        // The endpoint reads the body again.
        http.Request.EnableBuffering();
        var start = http.Request.Body.Position;
        using var copy = new MemoryStream();
        await http.Request.Body.CopyToAsync(copy, http.RequestAborted);
        http.Request.Body.Position = start;
        var request = TokenRequest.Parse(copy.GetBuffer().AsMemory(0, (int)copy.Length));
        if (request is null || ClientCredentials.Read(http.Request.Headers.Authorization, request, out var credentials) is not null)
        {
            return null;
        }

        foreach (var tenant in tenants)
        {
            if (await tenant.Home.Credentials.FindClientAsync(credentials.Key, http.RequestAborted) is not null)
            {
                return tenant;
            }
        }

        return null;
    }

    /// <summary>The instance for the caller's request; otherwise what to answer.</summary>
    /// <param name="addressed">The tenant that the path names; null when there is none of that name.</param>
    /// <param name="own">The tenant whose client the caller is.</param>
    public (ServedInstance? Instance, Problem? Problem) Resolve(in RequestPath path, Caller caller, ServedTenant? addressed, ServedTenant own)
    {
        if (_only is { } only && caller.Client.InstanceIds.Count == 0)
        {
            return (only, null);
        }

        if (path is { Family: PathFamily.TokenInfo, PrefixCount: 0 })
        {
            addressed = own;
        }

        if (addressed is not null && !own.Instances.Any(i => IsAssigned(caller, i)))
        {
            return (null, Problems.NoInstanceForClient());
        }

        if (path.Family != PathFamily.TokenInfo && path.QualifierCount(template) != template.Qualifiers.Count)
        {
            return (null, Problems.NotFound());
        }

        ServedInstance? found = null;
        foreach (var instance in ReferenceEquals(addressed, own) ? own.Instances : [])
        {
            if (!IsAssigned(caller, instance) || !Matches(path, instance))
            {
                continue;
            }

            if (found is not null && path.Family != PathFamily.TokenInfo)
            {
                return (null, Problems.AmbiguousRoute());
            }

            found ??= instance;
        }

        return found is null ? (null, Problems.NoInstanceForRoute()) : (found, null);
    }

    /// <summary>What the path leaves open of the address of the data, as discovery shows it: <c>/{tenant}/{schoolYear}</c>.</summary>
    public string OpenSegments(in RequestPath path, string tenantPlaceholder)
    {
        if (path.PrefixCount >= template.SegmentCount)
        {
            return "";
        }

        if (path.AliasYear is { } year)
        {
            // The only one that was missing before the family; the addresses of the answer have it there.
            return "/" + year;
        }

        var names = template.HasTenants ? template.Qualifiers.Prepend(tenantPlaceholder) : template.Qualifiers;
        return string.Concat(names.Skip(path.PrefixCount).Select(n => $"/{{{n}}}"));
    }

    private static bool IsAssigned(Caller caller, ServedInstance instance) =>
        caller.Client.InstanceIds.Count == 0 || caller.Client.InstanceIds.Contains(instance.Options.Id);

    /// <summary>Every qualifier that the path has is the instance's; the path of <c>token_info</c> may have fewer.</summary>
    private bool Matches(in RequestPath path, ServedInstance instance)
    {
        var count = path.QualifierCount(template);
        for (var i = 0; i < count; i++)
        {
            if (!path.Qualifier(template, i).Equals(instance.Options.Route[i], StringComparison.OrdinalIgnoreCase))
            {
                return false;
            }
        }

        return true;
    }
}
