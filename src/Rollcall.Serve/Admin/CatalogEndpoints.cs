using System.Text.Json;
using Rollcall.Serve.Authorization;

namespace Rollcall.Serve.Admin;

/// <summary>What can only be looked at: resource claims, actions, strategies, and the instances that the server was started with.</summary>
internal static class CatalogEndpoints
{
    public static async Task<AdminAnswer> ResourceClaimsAsync(Administration tenant, AdminPage page, CancellationToken cancellationToken)
    {
        var metadata = (await tenant.ClaimSets.ReadAsync(cancellationToken)).Metadata;
        return page.List(
            metadata.Claims.Where(c => c.ParentId is null), [("id", c => c.Id), ("name", c => c.ShortName)], (json, claim) => Write(json, metadata, claim));
    }

    public static async Task<AdminAnswer> ResourceClaimAsync(Administration tenant, long id, CancellationToken cancellationToken)
    {
        var metadata = (await tenant.ClaimSets.ReadAsync(cancellationToken)).Metadata;
        return metadata.Claims.FirstOrDefault(c => c.Id == id) is { } claim
            ? AdminAnswer.Ok(json => Write(json, metadata, claim))
            : AdminAnswer.NotFound("resourceclaim", id);
    }

    /// <summary>The actions for which a resource claim has default strategies of its own; with those strategies, or by their names alone.</summary>
    public static async Task<AdminAnswer> ResourceClaimActionsAsync(Administration tenant, AdminPage page, bool withStrategies, CancellationToken cancellationToken)
    {
        var metadata = (await tenant.ClaimSets.ReadAsync(cancellationToken)).Metadata;
        return page.List(
            metadata.Claims.Where(c => ActionsOf(c).Length > 0),
            [("resourceClaimId", c => c.Id), ("resourceName", c => c.ShortName), ("claimName", c => c.Name)],
            (json, claim) =>
            {
                json.WriteStartObject();
                json.WriteNumber("resourceClaimId", claim.Id);
                json.WriteString("resourceName", claim.ShortName);
                json.WriteString("claimName", claim.Name);
                json.WriteStartArray(withStrategies ? "authorizationStrategiesForActions" : "actions");
                foreach (var action in ActionsOf(claim))
                {
                    Write(json, claim, action, withStrategies);
                }

                json.WriteEndArray();
                json.WriteEndObject();
            });
    }

    public static AdminAnswer Actions(AdminPage page) => page.List(
        Enum.GetValues<ClaimAction>(),
        [("id", a => (int)a + 1), ("name", a => a.ToString())],
        (json, action) =>
        {
            json.WriteStartObject();
            json.WriteNumber("id", (int)action + 1);
            json.WriteString("name", action.ToString());
            json.WriteString("uri", $"http://ed-fi.org/odsapi/actions/{char.ToLowerInvariant(action.ToString()[0])}{action.ToString()[1..]}");
            json.WriteEndObject();
        });

    public static AdminAnswer Strategies(AdminPage page) => page.List(
        AdminClaimsJson.Strategies,
        [("id", n => AdminClaimsJson.StrategyId(n)), ("name", n => n)],
        (json, name) =>
        {
            json.WriteStartObject();
            json.WriteNumber("id", AdminClaimsJson.StrategyId(name));
            json.WriteString("name", name);
            json.WriteString("displayName", name);
            json.WriteEndObject();
        });

    public static AdminAnswer Instances(Administration tenant, AdminPage page) =>
        page.List(tenant.Instances, [("id", i => i.Id), ("name", NameOf)], (json, instance) => Write(json, instance, false));

    public static AdminAnswer Instance(Administration tenant, long id) => tenant.Instances.FirstOrDefault(i => i.Id == id) is { } instance
        ? AdminAnswer.Ok(json => Write(json, instance, true))
        : AdminAnswer.NotFound("odsInstance", id);

    public static AdminAnswer Applications(Administration tenant, AdminState state, long id, AdminPage page) =>
        tenant.Instances.Any(i => i.Id == id) ? ApplicationEndpoints.List(state, page, a => a.OdsInstanceIds.Contains(id)) : AdminAnswer.NotFound("odsInstance", id);

    private static ClaimAction[] ActionsOf(ResourceClaim claim) =>
        [.. Enum.GetValues<ClaimAction>().Where(a => !claim.Defaults.Strategies(a).IsEmpty)];

    private static void Write(Utf8JsonWriter json, ResourceClaim claim, ClaimAction action, bool withStrategies)
    {
        json.WriteStartObject();
        if (!withStrategies)
        {
            json.WriteString("name", action.ToString());
            json.WriteEndObject();
            return;
        }

        json.WriteNumber("actionId", (int)action + 1);
        json.WriteString("actionName", action.ToString());
        json.WriteStartArray("authorizationStrategies");
        foreach (var strategy in claim.Defaults.Strategies(action))
        {
            json.WriteStartObject();
            json.WriteNumber("authStrategyId", AdminClaimsJson.StrategyId(strategy));
            json.WriteString("authStrategyName", strategy);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static string NameOf(InstanceOptions instance) => instance.Name.Length > 0 ? instance.Name : "default";

    private static void Write(Utf8JsonWriter json, InstanceOptions instance, bool withDetails)
    {
        json.WriteStartObject();
        json.WriteNumber("id", instance.Id);
        json.WriteString("name", NameOf(instance));
        json.WriteString("instanceType", ServeOptions.NamesPostgres(instance.Database) ? "PostgreSQL" : "SQLite");
        if (withDetails)
        {
            json.WriteStartArray("odsInstanceContexts");
            json.WriteEndArray();
            json.WriteStartArray("odsInstanceDerivatives");
            json.WriteEndArray();
        }

        json.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter json, ClaimMetadata metadata, ResourceClaim claim)
    {
        json.WriteStartObject();
        json.WriteNumber("id", claim.Id);
        json.WriteString("name", claim.ShortName);
        json.WriteNumber("parentId", claim.ParentId ?? 0);
        json.WriteString("parentName", claim.ParentId is { } parent ? metadata.Claims.First(c => c.Id == parent).ShortName : null);
        json.WriteStartArray("children");
        foreach (var child in metadata.Claims.Where(c => c.ParentId == claim.Id))
        {
            Write(json, metadata, child);
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }
}
