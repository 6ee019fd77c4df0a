using System.Text.Json;
using Rollcall.Serve.Profiles;
using Rollcall.Serve.Storage;

namespace Rollcall.Serve.Admin;

/// <summary><c>/v2/profiles</c>. A definition must keep to the grammar; whether its members exist is found out when it is compiled, as
/// the reference has it (<c>ed-fi-api-security.md</c> 7.1).</summary>
internal static class ProfileEndpoints
{
    private const int NameLengthMax = 500;
    private const int DefinitionLengthMax = 1_000_000;

    private static readonly (string, Func<StoredProfile, object>)[] Columns = [("id", p => p.Id), ("name", p => p.Name)];

    public static AdminAnswer List(AdminState state, AdminPage page) => page.List(state.Profiles, Columns, (json, profile) => Write(json, profile, false));

    public static AdminAnswer Get(AdminState state, long id) =>
        state.FindProfile(id) is { } profile ? AdminAnswer.Ok(json => Write(json, profile, true)) : Missing(id);

    public static AdminDecision Create(AdminState state, AdminBody body)
    {
        var profile = Read(state, state.NextId, body);
        return body.Faults.Any
            ? AdminDecision.Nothing(AdminAnswer.Invalid(body.Faults))
            : new AdminDecision(AdminAnswer.Created($"/v2/profiles/{profile.Id}"), [AdminState.Put(profile)]);
    }

    public static async ValueTask<AdminDecision> UpdateAsync(
        AdminState state, long id, AdminBody body, ICredentialStore credentials, CancellationToken cancellationToken)
    {
        if (state.FindProfile(id) is null)
        {
            return AdminDecision.Nothing(Missing(id));
        }

        var profile = Read(state, id, body);
        return body.Faults.Any
            ? AdminDecision.Nothing(AdminAnswer.Invalid(body.Faults))
            : new AdminDecision(
                AdminAnswer.Updated,
                [
                    AdminState.Put(profile),
                    .. await AssignmentsAsync(state, id, [.. state.Profiles.Select(p => p.Id == id ? profile : p)], credentials, cancellationToken),
                ]);
    }

    /// <summary>Its applications lose it. One that had no other is no longer restricted, so it is not removed while it is assigned.</summary>
    public static AdminDecision Delete(AdminState state, long id)
    {
        if (state.FindProfile(id) is not { } profile)
        {
            return AdminDecision.Nothing(Missing(id));
        }

        var users = state.Applications.Where(a => a.ProfileIds.Contains(id)).Select(a => $"{a.Name} ({a.Id})").ToArray();
        return users.Length > 0
            ? AdminDecision.Nothing(AdminAnswer.Invalid(
                "Id", $"The profile '{profile.Name}' restricts {string.Join(", ", users)}: without it they would see everything. Take it from them first."))
            : new AdminDecision(AdminAnswer.Deleted("Profile"), [new RegistryChange.Remove(StoredProfile.Kind, id)]);
    }

    private static async ValueTask<IReadOnlyList<RegistryChange>> AssignmentsAsync(
        AdminState state, long id, IReadOnlyList<StoredProfile> profiles, ICredentialStore credentials, CancellationToken cancellationToken)
    {
        var changes = new List<RegistryChange>();
        foreach (var application in state.Applications.Where(a => a.ProfileIds.Contains(id)))
        {
            if (state.FindVendor(application.VendorId) is { } vendor
                && await credentials.FindClientAsync(application.ClientKey, cancellationToken) is { } client)
            {
                changes.Add(new RegistryChange.PutClient(state.ClientOf(application, vendor, client, profiles)));
            }
        }

        return changes;
    }

    private static StoredProfile Read(AdminState state, long id, AdminBody body)
    {
        var profile = new StoredProfile(id, body.Required("name", NameLengthMax), body.Required("definition", DefinitionLengthMax));
        if (state.Profiles.Any(p => p.Id != id && p.Name.Equals(profile.Name, StringComparison.OrdinalIgnoreCase)))
        {
            body.Faults.Add("Name", $"Profile '{profile.Name}' already exists.");
        }

        if (profile.Definition.Length > 0)
        {
            foreach (var fault in ProfileXml.Check(profile.Name, profile.Definition))
            {
                body.Faults.Add("Definition", fault);
            }
        }

        return profile;
    }

    private static AdminAnswer Missing(long id) => AdminAnswer.NotFound("profile", id);

    private static void Write(Utf8JsonWriter json, StoredProfile profile, bool withDefinition)
    {
        json.WriteStartObject();
        json.WriteNumber("id", profile.Id);
        json.WriteString("name", profile.Name);
        if (withDefinition)
        {
            json.WriteString("definition", profile.Definition);
        }

        json.WriteEndObject();
    }
}
