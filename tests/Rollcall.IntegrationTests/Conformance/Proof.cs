using System.Reflection;

namespace Rollcall.IntegrationTests.Conformance;

/// <summary>That a test proves a rule, over which stores.</summary>
/// <param name="Test">Class and method as written, <c>HttpReadTests.Pages_cover_everything_once</c>.</param>
/// <param name="OnSqlite">It runs over SQLite.</param>
/// <param name="OnPostgres">It runs over PostgreSQL.</param>
/// <param name="NeedsNoStore">No store has a part in the rule.</param>
internal sealed record Proof(string RuleId, string Test, bool OnSqlite, bool OnPostgres, bool NeedsNoStore)
{
    /// <summary>Every <c>[Rule]</c> of every test of these assemblies, once per rule and test.</summary>
    public static IReadOnlyList<Proof> FindAll(params Assembly[] assemblies)
    {
        var found = assemblies.SelectMany(a => a.GetTypes())
            .Where(t => t is { IsClass: true, IsAbstract: false })
            .SelectMany(t => t.GetMethods(BindingFlags.Public | BindingFlags.Instance).SelectMany(m => Of(t, m)));
        return
        [
            .. found.GroupBy(p => (p.RuleId, p.Test)).Select(g => new Proof(
                g.Key.RuleId, g.Key.Test, g.Any(p => p.OnSqlite), g.Any(p => p.OnPostgres), g.Any(p => p.NeedsNoStore))),
        ];
    }

    private static IEnumerable<Proof> Of(Type type, MethodInfo method)
    {
        if (!method.GetCustomAttributes<FactAttribute>(inherit: true).Any())
        {
            return [];
        }

        var name = $"{method.DeclaringType!.Name}.{method.Name}";
        var where = type.Name + method.Name + type.GetCustomAttributesData().Where(a => a.AttributeType == typeof(CollectionAttribute)).Select(a => a.ConstructorArguments[0].Value).FirstOrDefault();
        return method.GetCustomAttributes<RuleAttribute>(inherit: true).Concat(type.GetCustomAttributes<RuleAttribute>(inherit: true))
            .SelectMany(rule => rule.Ids.Select(id => new Proof(
                id,
                name,
                rule.Stores == RuleStores.Both || (rule.Stores == RuleStores.OfItsClass && where.Contains("sqlite", StringComparison.OrdinalIgnoreCase)),
                rule.Stores == RuleStores.Both || (rule.Stores == RuleStores.OfItsClass && where.Contains("postgres", StringComparison.OrdinalIgnoreCase)),
                rule.Stores == RuleStores.None)));
    }
}
