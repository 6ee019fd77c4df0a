using System.Globalization;
using System.Text.Json;
using Microsoft.Extensions.Configuration;
using Rollcall.Serve;

namespace Rollcall.Cli;

/// <summary>The part of <c>--config</c> that names tenants and instances: too much structure for a command line.</summary>
/// <remarks>
/// <code>
/// { "route-qualifiers": ["schoolYear"],
///   "instances": [ { "id": 1, "name": "2025", "route": { "schoolYear": "2025" }, "database": "2025.db" } ] }
/// </code>
/// With tenants, <c>"tenants": [ { "name": "north", "database": "clients.db", "instances": […] } ]</c> stands in the place of <c>instances</c>.
/// </remarks>
internal static class InstanceSettings
{
    private const string Qualifiers = "route-qualifiers";
    private const string InstancesName = "instances";
    private const string TenantsName = "tenants";

    public static IReadOnlyList<string> Names => [Qualifiers, InstancesName, TenantsName];

    public static RouteTemplate Routes(IConfiguration file) =>
        new(file.GetSection(TenantsName).GetChildren().Any(), [.. file.GetSection(Qualifiers).GetChildren().Select(c => c.Value ?? "")]);

    /// <param name="database">The setting of that name; null when it is nowhere given. Beside instances it says where their clients are kept.</param>
    /// <param name="resolve">Replaces <c>${env:NAME}</c> and <c>${file:PATH}</c>.</param>
    public static IReadOnlyList<TenantOptions> Tenants(IConfiguration file, string? database, Func<string, string> resolve, List<string> faults)
    {
        var qualifiers = Routes(file).Qualifiers;
        var tenants = file.GetSection(TenantsName).GetChildren().ToArray();
        var instances = file.GetSection(InstancesName).GetChildren().ToArray();
        if (tenants.Length > 0 && instances.Length > 0)
        {
            faults.Add($"--config: {TenantsName} have {InstancesName} of their own; take those beside them away.");
        }

        if (tenants.Length == 0)
        {
            return instances.Length == 0 ? [] : [new TenantOptions("", resolve(database ?? ""), [.. instances.Select(Instance)])];
        }

        if (database is not null)
        {
            faults.Add($"--database has no place beside {TenantsName}: each keeps its clients in its own 'database', or its first instance's.");
        }

        return
        [
            .. tenants.Select(tenant =>
            {
                RefuseUnknown(tenant, "name", "database", InstancesName);
                return new TenantOptions(tenant["name"] ?? "", resolve(tenant["database"] ?? ""), [.. tenant.GetSection(InstancesName).GetChildren().Select(Instance)]);
            }),
        ];

        InstanceOptions Instance(IConfigurationSection instance)
        {
            RefuseUnknown(instance, "id", "name", "route", "database");
            if (!int.TryParse(instance["id"], NumberStyles.None, CultureInfo.InvariantCulture, out var id) || id == 0)
            {
                faults.Add($"--config: {instance.Path} needs an id, a whole number from 1: clients are assigned to instances by it.");
            }

            var route = instance.GetSection("route");
            foreach (var name in route.GetChildren().Select(c => c.Key).Except(qualifiers, StringComparer.OrdinalIgnoreCase))
            {
                faults.Add($"--config: {instance.Path} has a value for '{name}', which is not in {Qualifiers}.");
            }

            return new InstanceOptions(
                id, instance["name"] ?? $"instance {id}", [.. qualifiers.Select(q => route[q]).OfType<string>()], resolve(instance["database"] ?? ""));
        }

        void RefuseUnknown(IConfigurationSection section, params string[] known)
        {
            foreach (var name in section.GetChildren().Select(c => c.Key).Except(known, StringComparer.OrdinalIgnoreCase))
            {
                faults.Add($"--config: {section.Path} has a setting '{name}' that there is not. Known are {string.Join(", ", known)}.");
            }
        }
    }

    /// <summary>The settings in force, in the form in which they are read.</summary>
    public static void Write(Utf8JsonWriter json, ServeOptions options, Func<string, string> masked)
    {
        if (options.Tenants.Count == 0)
        {
            return;
        }

        json.WriteTexts(Qualifiers, options.Routes.Qualifiers);
        if (!options.Routes.HasTenants)
        {
            Instances(options.Tenants[0]);
            return;
        }

        json.WriteStartArray(TenantsName);
        foreach (var tenant in options.Tenants)
        {
            json.WriteStartObject();
            json.WriteString("name", tenant.Name);
            json.WriteString("database", masked(tenant.Database));
            Instances(tenant);
            json.WriteEndObject();
        }

        json.WriteEndArray();

        void Instances(TenantOptions tenant)
        {
            json.WriteStartArray(InstancesName);
            foreach (var instance in tenant.Instances)
            {
                json.WriteStartObject();
                json.WriteNumber("id", instance.Id);
                json.WriteString("name", instance.Name);
                json.WriteStartObject("route");
                for (var i = 0; i < instance.Route.Count; i++)
                {
                    json.WriteString(options.Routes.Qualifiers[i], instance.Route[i]);
                }

                json.WriteEndObject();
                json.WriteString("database", masked(instance.Database));
                json.WriteEndObject();
            }

            json.WriteEndArray();
        }
    }
}
