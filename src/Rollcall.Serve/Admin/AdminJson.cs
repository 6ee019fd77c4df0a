using System.Text.Json.Nodes;

namespace Rollcall.Serve.Admin;

/// <summary>The form in which the registry keeps administrators' records. Members that are not there read as empty, so that records
/// of an earlier version stay readable.</summary>
internal static class AdminJson
{
    public static string Write(Vendor vendor) => new JsonObject
    {
        ["company"] = vendor.Company,
        ["namespacePrefixes"] = vendor.NamespacePrefixes,
        ["contactName"] = vendor.ContactName,
        ["contactEmailAddress"] = vendor.ContactEmailAddress,
    }.ToJsonString();

    public static string Write(Application application) => new JsonObject
    {
        ["name"] = application.Name,
        ["vendorId"] = application.VendorId,
        ["claimSetName"] = application.ClaimSetName,
        ["educationOrganizationIds"] = Array(application.EducationOrganizationIds),
        ["profileIds"] = Array(application.ProfileIds),
        ["odsInstanceIds"] = Array(application.OdsInstanceIds),
        ["clientKey"] = application.ClientKey,
        ["isEnabled"] = application.IsEnabled,
    }.ToJsonString();

    public static string Write(StoredProfile profile) => new JsonObject { ["name"] = profile.Name, ["definition"] = profile.Definition }.ToJsonString();

    public static string Write(AdminClient client) => new JsonObject
    {
        ["key"] = client.Key,
        ["displayName"] = client.DisplayName,
        ["secretHash"] = client.SecretHash,
        ["epoch"] = client.Epoch,
    }.ToJsonString();

    public static Vendor ReadVendor(long id, string body)
    {
        var json = JsonNode.Parse(body)!;
        return new Vendor(id, Text(json, "company"), Text(json, "namespacePrefixes"), Text(json, "contactName"), Text(json, "contactEmailAddress"));
    }

    public static Application ReadApplication(long id, string body)
    {
        var json = JsonNode.Parse(body)!;
        return new Application(
            id,
            Text(json, "name"),
            Number(json, "vendorId"),
            Text(json, "claimSetName"),
            Numbers(json, "educationOrganizationIds"),
            Numbers(json, "profileIds"),
            Numbers(json, "odsInstanceIds"),
            Text(json, "clientKey"),
            (bool?)json["isEnabled"] ?? true);
    }

    public static StoredProfile ReadProfile(long id, string body)
    {
        var json = JsonNode.Parse(body)!;
        return new StoredProfile(id, Text(json, "name"), Text(json, "definition"));
    }

    public static AdminClient ReadAdminClient(long id, string body)
    {
        var json = JsonNode.Parse(body)!;
        return new AdminClient(id, Text(json, "key"), Text(json, "displayName"), Text(json, "secretHash"), Number(json, "epoch"));
    }

    private static string Text(JsonNode json, string name) => (string?)json[name] ?? "";

    private static long Number(JsonNode json, string name) => (long?)json[name] ?? 0;

    private static IReadOnlyList<long> Numbers(JsonNode json, string name) => json[name] is JsonArray items ? [.. items.Select(i => (long)i!)] : [];

    private static JsonArray Array(IReadOnlyList<long> numbers) => [.. numbers.Select(n => JsonValue.Create(n))];
}
