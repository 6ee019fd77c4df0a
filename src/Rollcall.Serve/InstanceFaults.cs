namespace Rollcall.Serve;

/// <summary>What can be wrong with tenants and instances, in words for the user.</summary>
internal static class InstanceFaults
{
    /// <summary>A segment of a route must not be the word of a family, or the address of a discovery document could not be told from it.</summary>
    private static readonly string[] Reserved = ["data", "changequeries", "metadata", "oauth", "identity", "health", "metrics", "adminapi"];

    public static IEnumerable<string> Of(ServeOptions options)
    {
        if (options.Tenants.Count == 0)
        {
            if (options.Routes.SegmentCount > 0)
            {
                yield return "route-qualifiers and tenants need instances: name them in the file of --config.";
            }

            yield break;
        }

        foreach (var duplicate in options.Tenants.GroupBy(t => t.Name, StringComparer.OrdinalIgnoreCase).Where(g => g.Count() > 1))
        {
            yield return $"tenants: '{duplicate.Key}' is there more than once.";
        }

        foreach (var tenant in options.Tenants)
        {
            if (options.Routes.HasTenants && (!TenantOptions.IsName(tenant.Name) || Reserved.Contains(tenant.Name, StringComparer.OrdinalIgnoreCase)))
            {
                yield return $"tenants: '{tenant.Name}' cannot be a tenant's name: letters, digits, - and _, at most {TenantOptions.NameLengthMax}, and none of {string.Join(", ", Reserved)}.";
            }

            if (tenant.Instances.Count == 0)
            {
                yield return $"tenants: '{tenant.Name}' has no instances.";
            }

            if (ServeOptions.FaultOf(tenant.Database) is { } unusable)
            {
                yield return $"tenants: the database of '{tenant.Name}' {unusable}";
            }

            foreach (var instance in tenant.Instances)
            {
                foreach (var fault in Of(instance, options.Routes))
                {
                    yield return fault;
                }
            }
        }

        foreach (var same in options.Tenants.SelectMany(t => t.Instances).GroupBy(i => i.Id).Where(g => g.Count() > 1))
        {
            yield return $"instances: the id {same.Key} is there more than once; clients are assigned to instances by it.";
        }

        foreach (var same in options.Tenants.SelectMany(t => t.Instances).GroupBy(i => i.Database, StringComparer.Ordinal).Where(g => g.Count() > 1))
        {
            yield return $"instances: {string.Join(" and ", same.Select(i => $"'{i.Name}'"))} have the same database; each instance needs its own.";
        }
    }

    private static IEnumerable<string> Of(InstanceOptions instance, RouteTemplate routes)
    {
        if (string.IsNullOrWhiteSpace(instance.Database))
        {
            yield return $"instances: '{instance.Name}' has no database.";
        }
        else if (ServeOptions.FaultOf(instance.Database) is { } unusable)
        {
            yield return $"instances: the database of '{instance.Name}' {unusable}";
        }

        if (instance.Route.Count != routes.Qualifiers.Count)
        {
            yield return $"instances: '{instance.Name}' must have a value for each of route-qualifiers ({string.Join(", ", routes.Qualifiers)}).";
        }

        foreach (var value in instance.Route.Where(v => v.Length == 0 || v.Contains('/', StringComparison.Ordinal) || Reserved.Contains(v, StringComparer.OrdinalIgnoreCase)))
        {
            yield return $"instances: '{instance.Name}' cannot have '{value}' in its route.";
        }
    }
}
