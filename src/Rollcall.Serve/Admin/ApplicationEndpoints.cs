using System.Text.Json;
using Rollcall.Serve.Security;
using Rollcall.Serve.Storage;

namespace Rollcall.Serve.Admin;

/// <summary><c>/v2/applications</c>: each has one key and secret, which are shown when they are made and never again.</summary>
internal static class ApplicationEndpoints
{
    private const int NameLengthMax = 50;

    private static readonly (string, Func<Application, object>)[] Columns =
        [("id", a => a.Id), ("applicationName", a => a.Name), ("claimSetName", a => a.ClaimSetName), ("vendorId", a => a.VendorId)];

    public static AdminAnswer List(AdminState state, AdminPage page, Func<Application, bool>? which = null) =>
        page.List(state.Applications.Where(a => which is null || which(a)), Columns, Write);

    public static AdminAnswer Get(AdminState state, long id) => Find(state, id) is { } application ? AdminAnswer.Ok(json => Write(json, application)) : Missing(id);

    /// <param name="made">Key, secret and hash, made before: the slow hash must not run again when the decision is repeated.</param>
    public static async ValueTask<AdminDecision> CreateAsync(
        Administration tenant, AdminState state, AdminBody body, MadeSecret made, CancellationToken cancellationToken)
    {
        var application = await ReadAsync(tenant, state, state.NextId, made.Key, body, cancellationToken);
        if (body.Faults.Any)
        {
            return AdminDecision.Nothing(AdminAnswer.Invalid(body.Faults));
        }

        var client = new ApiClient(
            made.Key, application.Name, made.Hash, application.ClaimSetName, [], [], ClientAccounts.NextEpoch(0, tenant.Time), true);
        return new AdminDecision(
            AdminAnswer.Created($"/v2/applications/{application.Id}", json => WriteSecret(json, application.Id, made)),
            [
                AdminState.Put(application),
                new RegistryChange.PutClient(state.ClientOf(application, state.FindVendor(application.VendorId)!, client)),
            ]);
    }

    public static async ValueTask<AdminDecision> UpdateAsync(
        Administration tenant, AdminState state, long id, AdminBody body, CancellationToken cancellationToken)
    {
        if (Find(state, id) is not { } known || await tenant.Credentials.FindClientAsync(known.ClientKey, cancellationToken) is not { } client)
        {
            return AdminDecision.Nothing(Missing(id));
        }

        var application = await ReadAsync(tenant, state, id, known.ClientKey, body, cancellationToken);
        return body.Faults.Any
            ? AdminDecision.Nothing(AdminAnswer.Invalid(body.Faults))
            : new AdminDecision(
                AdminAnswer.Updated,
                [
                    AdminState.Put(application),
                    new RegistryChange.PutClient(state.ClientOf(application, state.FindVendor(application.VendorId)!, client)),
                ]);
    }

    /// <summary>A new secret for the old key. Tokens that were issued before end.</summary>
    public static async ValueTask<AdminDecision> ResetAsync(Administration tenant, AdminState state, long id, MadeSecret made, CancellationToken cancellationToken)
    {
        if (Find(state, id) is not { } application || await tenant.Credentials.FindClientAsync(application.ClientKey, cancellationToken) is not { } client)
        {
            return AdminDecision.Nothing(Missing(id));
        }

        var reset = client with { SecretHash = made.Hash, CredentialEpoch = ClientAccounts.NextEpoch(client.CredentialEpoch, tenant.Time) };
        return new AdminDecision(
            AdminAnswer.Ok(json => WriteSecret(json, id, made with { Key = client.Key })), [new RegistryChange.PutClient(reset)]);
    }

    public static AdminDecision Delete(AdminState state, long id) => Find(state, id) is { } application
        ? new AdminDecision(AdminAnswer.Deleted("Application"), [.. Removal(application)])
        : AdminDecision.Nothing(Missing(id));

    /// <summary>The application goes and its credentials with it.</summary>
    public static IEnumerable<RegistryChange> Removal(Application application) =>
        [new RegistryChange.Remove(Application.Kind, application.Id), new RegistryChange.RemoveClient(application.ClientKey)];

    private static Application? Find(AdminState state, long id) => state.Applications.FirstOrDefault(a => a.Id == id);

    private static AdminAnswer Missing(long id) => AdminAnswer.NotFound("application", id);

    private static async ValueTask<Application> ReadAsync(
        Administration tenant, AdminState state, long id, string key, AdminBody body, CancellationToken cancellationToken)
    {
        var application = new Application(
            id,
            body.Required("applicationName", NameLengthMax),
            body.RequiredNumber("vendorId"),
            body.Required("claimSetName"),
            body.Numbers("educationOrganizationIds"),
            body.Numbers("profileIds"),
            body.Numbers("odsInstanceIds"),
            key,
            body.Flag("enabled", true));
        var faults = body.Faults;
        if (application.VendorId > 0 && state.FindVendor(application.VendorId) is null)
        {
            faults.Add("VendorId", $"Vendor with ID {application.VendorId} not found.");
        }

        if (application.ClaimSetName.Length > 0 && !await tenant.HasClaimSetAsync(application.ClaimSetName, cancellationToken))
        {
            faults.Add("ClaimSetName", $"The claim set '{application.ClaimSetName}' does not exist.");
        }

        Check("EducationOrganizationIds", application.EducationOrganizationIds.Where(i => i <= 0), "An education organization id must be greater than 0");
        Check("ProfileIds", application.ProfileIds.Where(i => state.FindProfile(i) is null), "There is no profile with the id");
        Check("OdsInstanceIds", application.OdsInstanceIds.Where(i => tenant.Instances.All(o => o.Id != i)), "There is no ODS instance with the id");
        if (application.OdsInstanceIds.Count == 0)
        {
            faults.Add("OdsInstanceIds", "'Ods Instance Ids' must not be empty.");
        }

        return application;

        void Check(string member, IEnumerable<long> wrong, string message)
        {
            if (wrong.Any())
            {
                faults.Add(member, $"{message}: {string.Join(", ", wrong)}.");
            }
        }
    }

    private static void Write(Utf8JsonWriter json, Application application)
    {
        json.WriteStartObject();
        json.WriteNumber("id", application.Id);
        json.WriteString("applicationName", application.Name);
        json.WriteNumber("vendorId", application.VendorId);
        json.WriteString("claimSetName", application.ClaimSetName);
        Numbers("educationOrganizationIds", application.EducationOrganizationIds);
        Numbers("profileIds", application.ProfileIds);
        Numbers("odsInstanceIds", application.OdsInstanceIds);
        json.WriteBoolean("enabled", application.IsEnabled);
        json.WriteEndObject();

        void Numbers(string name, IReadOnlyList<long> numbers)
        {
            json.WriteStartArray(name);
            foreach (var number in numbers)
            {
                json.WriteNumberValue(number);
            }

            json.WriteEndArray();
        }
    }

    private static void WriteSecret(Utf8JsonWriter json, long id, MadeSecret made)
    {
        json.WriteStartObject();
        json.WriteNumber("id", id);
        json.WriteString("key", made.Key);
        json.WriteString("secret", made.Secret);
        json.WriteEndObject();
    }
}

/// <summary>A key and a secret that were just made up, and what is stored of the secret.</summary>
internal sealed record MadeSecret(string Key, string Secret, string Hash)
{
    public static async Task<MadeSecret> NewAsync(CancellationToken cancellationToken)
    {
        var secret = SecretHash.NewSecret();
        return new MadeSecret(SecretHash.NewKey(), secret, await Task.Run(() => SecretHash.Create(secret), cancellationToken));
    }
}
