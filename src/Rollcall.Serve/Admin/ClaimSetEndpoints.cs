using System.Collections.Immutable;
using System.Text.Json;
using Rollcall.Serve.Authorization;
using Rollcall.Serve.Storage;

namespace Rollcall.Serve.Admin;

/// <summary><c>/v2/claimSets</c>: claim sets with import, export and copy, and their grants one by one.</summary>
internal static class ClaimSetEndpoints
{
    public static async Task<AdminAnswer> ListAsync(Administration tenant, AdminPage page, CancellationToken cancellationToken)
    {
        var state = await tenant.ReadAsync(cancellationToken);
        var metadata = (await tenant.ClaimSets.ReadAsync(cancellationToken)).Metadata;
        return page.List(
            [.. metadata.ClaimSets.OrderBy(s => s.Id)],
            [("id", s => s.Id), ("name", s => s.Name)],
            (json, set) => Write(json, set, state, metadata, withClaims: false));
    }

    public static async Task<AdminAnswer> GetAsync(Administration tenant, long id, CancellationToken cancellationToken)
    {
        var state = await tenant.ReadAsync(cancellationToken);
        var metadata = (await tenant.ClaimSets.ReadAsync(cancellationToken)).Metadata;
        return metadata.FindClaimSet(id) is { } set ? AdminAnswer.Ok(json => Write(json, set, state, metadata)) : Missing(id);
    }

    /// <summary>Creates from <c>name</c> alone (POST), or from <c>name</c> and <c>resourceClaims</c> (import).</summary>
    public static async Task<AdminAnswer> CreateAsync(Administration tenant, AdminBody body, bool isImport, CancellationToken cancellationToken)
    {
        var name = body.Required("name");
        var grants = ImmutableSortedDictionary<int, ActionTable>.Empty;
        if (isImport && Read(body, (await tenant.ClaimSets.ReadAsync(cancellationToken)).Metadata) is { } imported)
        {
            grants = imported;
        }

        return body.Faults.Any ? AdminAnswer.Invalid(body.Faults) : await AddAsync(tenant, name, grants, cancellationToken);
    }

    public static async Task<AdminAnswer> CopyAsync(Administration tenant, AdminBody body, CancellationToken cancellationToken)
    {
        var (id, name) = (body.RequiredNumber("originalId"), body.Required("name"));
        return body.Faults.Any ? AdminAnswer.Invalid(body.Faults)
            : await tenant.ClaimSets.FindAsync(id, cancellationToken) is { } original ? await AddAsync(tenant, name, original.Grants, cancellationToken)
            : Missing(id);
    }

    /// <summary>Gives the claim set a new name; its applications and clients follow.</summary>
    public static async Task<AdminAnswer> RenameAsync(Administration tenant, long id, AdminBody body, CancellationToken cancellationToken)
    {
        var name = body.Required("name");
        var before = (await tenant.ClaimSets.ReadAsync(cancellationToken)).Metadata;
        if (before.FindClaimSet(id) is null)
        {
            return Missing(id);
        }

        if (body.Faults.Any)
        {
            return AdminAnswer.Invalid(body.Faults);
        }

        var answer = Answer(await tenant.ClaimSets.UpdateAsync(id, set => set with { Name = name }, cancellationToken), id, name, AdminAnswer.Updated);
        return answer.Status != AdminAnswer.Updated.Status ? answer : await tenant.ChangeAsync(
            async state =>
            {
                var changes = new List<RegistryChange>();
                foreach (var client in (await tenant.Credentials.ListClientsAsync(cancellationToken)).Where(c => Names(c.ClaimSet, id, before)))
                {
                    changes.Add(new RegistryChange.PutClient(client with { ClaimSet = name }));
                }

                changes.AddRange(state.Applications.Where(a => Names(a.ClaimSetName, id, before)).Select(a => AdminState.Put(a with { ClaimSetName = name })));
                return new AdminDecision(answer, changes);
            },
            cancellationToken);
    }

    public static async Task<AdminAnswer> DeleteAsync(Administration tenant, long id, CancellationToken cancellationToken)
    {
        var metadata = (await tenant.ClaimSets.ReadAsync(cancellationToken)).Metadata;
        if (metadata.FindClaimSet(id) is not { } set)
        {
            return Missing(id);
        }

        var users = (await tenant.Credentials.ListClientsAsync(cancellationToken)).Count(c => Names(c.ClaimSet, id, metadata));
        return users > 0
            ? AdminAnswer.Invalid("Id", $"The claim set '{set.Name}' is used by {users} application(s) or client(s), which could do nothing without it.")
            : Answer(await tenant.ClaimSets.DeleteAsync(id, cancellationToken), id, set.Name, AdminAnswer.Deleted("ClaimSet"));
    }

    public static async Task<AdminAnswer> ExportAsync(Administration tenant, long id, CancellationToken cancellationToken)
    {
        var metadata = (await tenant.ClaimSets.ReadAsync(cancellationToken)).Metadata;
        var state = await tenant.ReadAsync(cancellationToken);
        return metadata.FindClaimSet(id) is { } set ? AdminAnswer.Ok(json => Write(json, set, state, metadata)) : Missing(id);
    }

    /// <summary>Grants actions on one claim (<c>resourceClaimId</c>, <c>resourceClaimActions</c>), or changes what is granted.</summary>
    /// <param name="claimId">From the path, of a PUT; null for a POST, whose body names it.</param>
    public static async Task<AdminAnswer> GrantAsync(Administration tenant, long id, long? claimId, AdminBody body, CancellationToken cancellationToken)
    {
        var claim = claimId ?? body.RequiredNumber("resourceClaimId");
        var metadata = (await tenant.ClaimSets.ReadAsync(cancellationToken)).Metadata;
        if (metadata.FindClaimSet(id) is null)
        {
            return Missing(id);
        }

        if (!body.Faults.Any && metadata.Claims.All(c => c.Id != claim))
        {
            body.Faults.Add("ResourceClaimId", $"There is no resource claim with the id {claim}.");
        }

        var granted = ReadActions(body);
        if (body.Faults.Any)
        {
            return AdminAnswer.Invalid(body.Faults);
        }

        var change = await tenant.ClaimSets.UpdateAsync(
            id,
            set =>
            {
                // Overrides of actions that stay are kept.
                var known = set.Grants.GetValueOrDefault((int)claim);
                var table = granted.Aggregate(ActionTable.Empty, (t, action) => t.With(action, known.Strategies(action)));
                return set with { Grants = table.IsEmpty ? set.Grants.Remove((int)claim) : set.Grants.SetItem((int)claim, table) };
            },
            cancellationToken);
        return Answer(change, id, "", claimId is null ? AdminAnswer.Created($"/v2/claimSets/{id}/resourceClaimActions/{claim}") : AdminAnswer.Updated);
    }

    public static async Task<AdminAnswer> RevokeAsync(Administration tenant, long id, long claimId, CancellationToken cancellationToken)
    {
        if (await tenant.ClaimSets.FindAsync(id, cancellationToken) is not { } found)
        {
            return Missing(id);
        }

        return claimId > int.MaxValue || !found.Grants.ContainsKey((int)claimId)
            ? AdminAnswer.NotFound("resource claim of the claim set", claimId)
            : Answer(
                await tenant.ClaimSets.UpdateAsync(id, set => set with { Grants = set.Grants.Remove((int)claimId) }, cancellationToken),
                id, "", AdminAnswer.Deleted("Resource claim"));
    }

    /// <summary>Sets (<c>actionName</c>, <c>authorizationStrategies</c>) or clears the strategies of a granted claim that replace the defaults.</summary>
    public static async Task<AdminAnswer> OverrideAsync(Administration tenant, long id, long claimId, AdminBody? body, CancellationToken cancellationToken)
    {
        if (await tenant.ClaimSets.FindAsync(id, cancellationToken) is not { } found)
        {
            return Missing(id);
        }

        if (claimId > int.MaxValue || !found.Grants.TryGetValue((int)claimId, out var granted))
        {
            return AdminAnswer.NotFound("resource claim of the claim set", claimId);
        }

        ClaimAction? action = null;
        var strategies = new List<string>();
        if (body is not null)
        {
            action = ReadAction(body.Required("actionName"), body.Faults);
            strategies.AddRange(Texts(body, "authorizationStrategies"));
            if (action is { } one && !granted.Has(one))
            {
                body.Faults.Add("ActionName", $"The claim set does not grant {one} on this resource claim.");
            }

            if (body.Faults.Any)
            {
                return AdminAnswer.Invalid(body.Faults);
            }
        }

        var change = await tenant.ClaimSets.UpdateAsync(
            id,
            set =>
            {
                var table = set.Grants.GetValueOrDefault((int)claimId);
                foreach (var changed in action is { } one ? [one] : table.Actions.ToArray())
                {
                    table = table.With(changed, strategies);
                }

                return set with { Grants = set.Grants.SetItem((int)claimId, table) };
            },
            cancellationToken);
        return Answer(change, id, "", AdminAnswer.Updated);
    }

    private static async Task<AdminAnswer> AddAsync(
        Administration tenant, string name, ImmutableSortedDictionary<int, ActionTable> grants, CancellationToken cancellationToken) =>
        await tenant.ClaimSets.CreateAsync(name, grants, cancellationToken) is { } set ? AdminAnswer.Created($"/v2/claimSets/{set.Id}") : Taken(name);

    private static AdminAnswer Answer(ClaimSetChange change, long id, string name, AdminAnswer done) => change switch
    {
        ClaimSetChange.Done => done,
        ClaimSetChange.NotFound => Missing(id),
        ClaimSetChange.NameTaken => Taken(name),
        ClaimSetChange.SystemReserved => AdminAnswer.Invalid("Id", $"Claim set (id: {id}) is system reserved. Copy it under another name and change the copy."),
        _ => throw new ArgumentOutOfRangeException(nameof(change)),
    };

    private static AdminAnswer Taken(string name) =>
        AdminAnswer.Invalid("Name", $"A claim set with this name already exists in the database: '{name}'. Please enter a unique name.");

    private static AdminAnswer Missing(long id) => AdminAnswer.NotFound("claimset", id);

    /// <summary>Whether a client with this name of a claim set has the rights of that one: another's name may be almost the same.</summary>
    private static bool Names(string name, long id, ClaimMetadata metadata) => metadata.FindClaimSet(name)?.Id == id;

    private static ImmutableSortedDictionary<int, ActionTable>? Read(AdminBody body, ClaimMetadata metadata)
    {
        if (body.Find("resourceClaims") is not { ValueKind: JsonValueKind.Array } claims)
        {
            body.Faults.Add("ResourceClaims", "'Resource Claims' must be a list.");
            return null;
        }

        try
        {
            return AdminClaimsJson.ReadResourceClaims(claims, metadata);
        }
        catch (InvalidDataException failure)
        {
            body.Faults.Add("ResourceClaims", failure.Message);
            return null;
        }
    }

    private static List<ClaimAction> ReadActions(AdminBody body)
    {
        var actions = new List<ClaimAction>();
        if (body.Find("resourceClaimActions") is not { ValueKind: JsonValueKind.Array } items)
        {
            body.Faults.Add("ResourceClaimActions", "'Resource Claim Actions' must be a list.");
            return actions;
        }

        foreach (var item in items.EnumerateArray())
        {
            if (item.ValueKind != JsonValueKind.Object || !item.TryGetProperty("name", out var name) || name.ValueKind != JsonValueKind.String)
            {
                body.Faults.Add("ResourceClaimActions", "Each action needs a name.");
            }
            else if (ReadAction(name.GetString()!, body.Faults) is { } action
                && (!item.TryGetProperty("enabled", out var enabled) || enabled.ValueKind != JsonValueKind.False))
            {
                actions.Add(action);
            }
        }

        return actions;
    }

    private static ClaimAction? ReadAction(string name, AdminFaults faults)
    {
        try
        {
            return name.Length == 0 ? null : AdminClaimsJson.ReadAction(name);
        }
        catch (InvalidDataException failure)
        {
            faults.Add("ActionName", failure.Message);
            return null;
        }
    }

    private static IEnumerable<string> Texts(AdminBody body, string member)
    {
        if (body.Find(member) is not { ValueKind: JsonValueKind.Array } items || items.EnumerateArray().Any(i => i.ValueKind != JsonValueKind.String))
        {
            body.Faults.Add(char.ToUpperInvariant(member[0]) + member[1..], $"'{member}' must be a list of names.");
            return [];
        }

        return [.. items.EnumerateArray().Select(i => i.GetString()!)];
    }

    /// <param name="withClaims">False writes no resource claims, as lists have it.</param>
    private static void Write(Utf8JsonWriter json, ClaimSet set, AdminState state, ClaimMetadata metadata, bool withClaims = true)
    {
        json.WriteStartObject();
        json.WriteNumber("id", set.Id);
        json.WriteString("name", set.Name);
        json.WriteBoolean("_isSystemReserved", set.IsSystemReserved);
        json.WriteStartArray("_applications");
        foreach (var application in state.Applications.Where(a => Names(a.ClaimSetName, set.Id, metadata)))
        {
            json.WriteStartObject();
            json.WriteString("applicationName", application.Name);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        if (withClaims)
        {
            json.WritePropertyName("resourceClaims");
            AdminClaimsJson.WriteResourceClaims(json, metadata, set);
        }

        json.WriteEndObject();
    }
}
