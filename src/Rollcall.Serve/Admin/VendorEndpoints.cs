using System.Text.Json;
using Rollcall.Serve.Storage;

namespace Rollcall.Serve.Admin;

/// <summary><c>/v2/vendors</c>.</summary>
internal static class VendorEndpoints
{
    private static readonly (string, Func<Vendor, object>)[] Columns =
    [
        ("id", v => v.Id), ("company", v => v.Company), ("namespacePrefixes", v => v.NamespacePrefixes), ("contactName", v => v.ContactName),
        ("contactEmailAddress", v => v.ContactEmailAddress),
    ];

    public static AdminAnswer List(AdminState state, AdminPage page) => page.List(state.Vendors, Columns, Write);

    public static AdminAnswer Get(AdminState state, long id) =>
        state.FindVendor(id) is { } vendor ? AdminAnswer.Ok(json => Write(json, vendor)) : Missing(id);

    public static AdminAnswer Applications(AdminState state, long id, AdminPage page) =>
        state.FindVendor(id) is null ? Missing(id) : ApplicationEndpoints.List(state, page, a => a.VendorId == id);

    /// <summary>A company is one vendor: adding it again replaces what is known of it, answered 200.</summary>
    public static async ValueTask<AdminDecision> CreateAsync(AdminState state, AdminBody body, ICredentialStore credentials, CancellationToken cancellationToken)
    {
        var vendor = Read(state.NextId, body);
        if (body.Faults.Any)
        {
            return AdminDecision.Nothing(AdminAnswer.Invalid(body.Faults));
        }

        if (state.Vendors.FirstOrDefault(v => v.Company.Equals(vendor.Company, StringComparison.OrdinalIgnoreCase)) is not { } known)
        {
            return new AdminDecision(AdminAnswer.Created($"/v2/vendors/{vendor.Id}"), [AdminState.Put(vendor)]);
        }

        var decision = await UpdateAsync(state, known.Id, body, credentials, cancellationToken);
        return decision with { Answer = decision.Answer with { Location = $"/v2/vendors/{known.Id}" } };
    }

    /// <summary>The vendor's clients get the new prefixes in the same transaction.</summary>
    public static async ValueTask<AdminDecision> UpdateAsync(
        AdminState state, long id, AdminBody body, ICredentialStore credentials, CancellationToken cancellationToken)
    {
        if (state.FindVendor(id) is null)
        {
            return AdminDecision.Nothing(Missing(id));
        }

        var vendor = Read(id, body);
        if (state.Vendors.Any(v => v.Id != id && v.Company.Equals(vendor.Company, StringComparison.OrdinalIgnoreCase)))
        {
            body.Faults.Add("Company", $"The vendor '{vendor.Company}' exists already.");
        }

        if (body.Faults.Any)
        {
            return AdminDecision.Nothing(AdminAnswer.Invalid(body.Faults));
        }

        var changes = new List<RegistryChange> { AdminState.Put(vendor) };
        foreach (var application in state.ApplicationsOf(id))
        {
            if (await credentials.FindClientAsync(application.ClientKey, cancellationToken) is { } client)
            {
                changes.Add(new RegistryChange.PutClient(state.ClientOf(application, vendor, client)));
            }
        }

        return new AdminDecision(AdminAnswer.Updated, changes);
    }

    /// <summary>Takes its applications and their credentials with it: a vendor that has gone must not go on reading.</summary>
    public static AdminDecision Delete(AdminState state, long id) => state.FindVendor(id) is null
        ? AdminDecision.Nothing(Missing(id))
        : new AdminDecision(
            AdminAnswer.Deleted("Vendor"), [new RegistryChange.Remove(Vendor.Kind, id), .. state.ApplicationsOf(id).SelectMany(ApplicationEndpoints.Removal)]);

    private static AdminAnswer Missing(long id) => AdminAnswer.NotFound("vendor", id);

    private static Vendor Read(long id, AdminBody body)
    {
        var vendor = new Vendor(
            id, body.Required("company"), body.Optional("namespacePrefixes", 4_000), body.Required("contactName"), body.Required("contactEmailAddress"));
        if (vendor.ContactEmailAddress.Length > 0 && vendor.ContactEmailAddress.IndexOf('@', StringComparison.Ordinal) is var at
            && (at < 1 || at == vendor.ContactEmailAddress.Length - 1))
        {
            body.Faults.Add("ContactEmailAddress", "'Contact Email Address' is not a valid email address.");
        }

        return vendor;
    }

    private static void Write(Utf8JsonWriter json, Vendor vendor)
    {
        json.WriteStartObject();
        json.WriteNumber("id", vendor.Id);
        json.WriteString("company", vendor.Company);
        json.WriteString("namespacePrefixes", vendor.NamespacePrefixes);
        json.WriteString("contactName", vendor.ContactName);
        json.WriteString("contactEmailAddress", vendor.ContactEmailAddress);
        json.WriteEndObject();
    }
}
