using System.Globalization;

namespace Rollcall.Exchange.Ledger;

/// <summary>The ledger as one table per resource with the columns <c>edfi_id</c>, <c>natural_key_hash</c> and <c>full_record_hash</c>, as the
/// Ed-Fi article on integration architecture draws it.</summary>
internal static class LedgerView
{
    /// <summary><c>students</c> for <c>ed-fi/students</c>, else <c>tpdm/candidates</c> in full.</summary>
    public static string NameOf(string resource) => resource.StartsWith("ed-fi/", StringComparison.Ordinal) ? resource[6..] : resource;

    public static string Select(long resourceId, string schema) => string.Create(CultureInfo.InvariantCulture, $"""
        select p.name as profile, d.edfi_id, d.natural_key_hash, d.full_record_hash, d.source_key, d.status, d.changed_at
        from {schema}doc d join {schema}profile p on p.profile_id = d.profile_id where d.resource_id = {resourceId}
        """);
}
