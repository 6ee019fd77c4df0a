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
                    .. (await OtherClientsAsync(state.FindProfile(id)!, credentials, cancellationToken)).Select(c => new RegistryChange.PutClient(c with
                    {
                        Profiles = [.. c.Profiles.Select(p => IsNamed(p, state.FindProfile(id)!) ? profile.Name : p)],
                    })),
                ]);
    }

    /// <summary>Its applications would lose it. One that has no other would no longer be restricted, so it is not removed while it is assigned.</summary>
    public static async ValueTask<AdminDecision> DeleteAsync(AdminState state, long id, ICredentialStore credentials, CancellationToken cancellationToken)
    {
        if (state.FindProfile(id) is not { } profile)
        {
            return AdminDecision.Nothing(Missing(id));
        }

        var users = state.Applications.Where(a => a.ProfileIds.Contains(id)).Select(a => $"{a.Name} ({a.Id})")
            .Concat((await OtherClientsAsync(profile, credentials, cancellationToken)).Select(c => $"{c.Name} ({c.Key})"))
            .ToArray();
        return users.Length > 0
            ? AdminDecision.Nothing(AdminAnswer.Invalid(
                "Id", $"The profile '{profile.Name}' restricts {string.Join(", ", users)}: without it they would see everything. Take it from them first."))
            : new AdminDecision(AdminAnswer.Deleted("Profile"), [new RegistryChange.Remove(StoredProfile.Kind, id)]);
    }

    /// <summary>Those that have the profile and were made at the terminal, without an application.</summary>
    private static async ValueTask<ApiClient[]> OtherClientsAsync(StoredProfile profile, ICredentialStore credentials, CancellationToken cancellationToken) =>
        [.. (await credentials.ListClientsAsync(cancellationToken)).Where(c => c.ApplicationId is null && c.Profiles.Any(p => IsNamed(p, profile)))];

    private static bool IsNamed(string name, StoredProfile profile) => name.Equals(profile.Name, StringComparison.OrdinalIgnoreCase);

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

        if (!ProfileDefinition.IsUsableName(profile.Name))
        {
            body.Faults.Add("Name", "'Name' must be printable ASCII characters: it becomes part of the header Content-Type.");
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
