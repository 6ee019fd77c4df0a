using Rollcall.Serve.Storage;

namespace Rollcall.Serve.Admin;

/// <summary>What administrators have set up, as of one revision; and how a change of it becomes changes of the registry.</summary>
internal sealed class AdminState
{
    public AdminState(RegistryContents contents)
    {
        Revision = contents.Revision;
        NextId = contents.LastId + 1;
        Vendors = [.. Of(Vendor.Kind).Select(i => AdminJson.ReadVendor(i.Id, i.Body))];
        Applications = [.. Of(Application.Kind).Select(i => AdminJson.ReadApplication(i.Id, i.Body))];
        Profiles = [.. Of(StoredProfile.Kind).Select(i => AdminJson.ReadProfile(i.Id, i.Body))];
        AdminClients = [.. Of(AdminClient.Kind).Select(i => AdminJson.ReadAdminClient(i.Id, i.Body))];

        IEnumerable<RegistryItem> Of(string kind) => contents.Items.Where(i => i.Kind == kind);
    }

    public long Revision { get; }

    /// <summary>The id that a new record gets.</summary>
    public long NextId { get; }

    /// <summary>Each in order of id, which is the order of creation.</summary>
    public IReadOnlyList<Vendor> Vendors { get; }

    public IReadOnlyList<Application> Applications { get; }

    public IReadOnlyList<StoredProfile> Profiles { get; }

    public IReadOnlyList<AdminClient> AdminClients { get; }

    public Vendor? FindVendor(long id) => Vendors.FirstOrDefault(v => v.Id == id);

    public StoredProfile? FindProfile(long id) => Profiles.FirstOrDefault(p => p.Id == id);

    public IEnumerable<Application> ApplicationsOf(long vendorId) => Applications.Where(a => a.VendorId == vendorId);

    /// <summary>The client with everything that its application and its vendor say.</summary>
    /// <param name="profiles">The profiles as they will be; those of this state when left out.</param>
    public ApiClient ClientOf(Application application, Vendor vendor, ApiClient known, IReadOnlyList<StoredProfile>? profiles = null) => known with
    {
        Name = application.Name,
        ClaimSet = application.ClaimSetName,
        NamespacePrefixes = vendor.Prefixes,
        EducationOrganizationIds = application.EducationOrganizationIds,
        Profiles = [.. (profiles ?? Profiles).Where(p => application.ProfileIds.Contains(p.Id)).Select(p => p.Name)],
        InstanceIds = application.OdsInstanceIds,
        IsEnabled = application.IsEnabled,
        ApplicationId = application.Id,
    };

    public static RegistryChange Put(Vendor vendor) => new RegistryChange.Put(new RegistryItem(Vendor.Kind, vendor.Id, AdminJson.Write(vendor)));

    public static RegistryChange Put(Application application) =>
        new RegistryChange.Put(new RegistryItem(Application.Kind, application.Id, AdminJson.Write(application)));

    public static RegistryChange Put(StoredProfile profile) => new RegistryChange.Put(new RegistryItem(StoredProfile.Kind, profile.Id, AdminJson.Write(profile)));

    public static RegistryChange Put(AdminClient client) => new RegistryChange.Put(new RegistryItem(AdminClient.Kind, client.Id, AdminJson.Write(client)));
}
