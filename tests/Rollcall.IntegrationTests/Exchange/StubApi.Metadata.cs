namespace Rollcall.IntegrationTests.Exchange;

/// <content>What the stub says of itself: dependencies and OpenAPI.</content>
public sealed partial class StubApi
{
    private string DependencyList() => "[" + string.Join(",", _resources.Values.OrderBy(r => r.Level).Select(r =>
        $$"""{"resource":"{{r.Path}}","order":{{r.Level}},"operations":["Create","Update"]}""")) + "]";

    private string GraphMl() =>
        "<graphml xmlns=\"http://graphml.graphdrawing.org/xmlns\"><graph id=\"x\" edgedefault=\"directed\">"
        + string.Concat(_resources.Keys.Select(p => $"<node id=\"{p}\"/>"))
        + string.Concat(_resources.Values.SelectMany(r => r.References.Where(x => x.Target != r.Path).Select(x => $"<edge source=\"{x.Target}\" target=\"{r.Path}\"/>")))
        + "</graph></graphml>";

    private string OpenApi()
    {
        var paths = new List<string>();
        var schemas = new List<string>();
        foreach (var r in _resources.Values)
        {
            var schema = "EdFi_" + r.Path.Split('/')[^1];
            paths.Add($$"""
                "{{r.Path}}":{"post":{"requestBody":{"content":{"application/json":{"schema":{"$ref":"#/components/schemas/{{schema}}"} } } } } }
                """);
            var own = r.Key.Where(k => !k.Contains('.', StringComparison.Ordinal)).Select(k => $$"""
                "{{k}}":{"type":"string","x-Ed-Fi-isIdentity":true}
                """);
            var referring = r.Key.Where(k => k.Contains('.', StringComparison.Ordinal)).GroupBy(k => k.Split('.')[0]);
            schemas.Add($$"""
                "{{schema}}":{"type":"object","properties":{ {{string.Join(",", own.Concat(referring.Select(g => $$"""
                "{{g.Key}}":{"$ref":"#/components/schemas/{{schema}}_{{g.Key}}","x-Ed-Fi-isIdentity":true}
                """)))}} } }
                """);
            schemas.AddRange(referring.Select(g => $$"""
                "{{schema}}_{{g.Key}}":{"type":"object","properties":{ {{string.Join(",", g.Select(k => $$"""
                "{{k.Split('.')[1]}}":{"type":"string"}
                """))}} } }
                """));
        }

        return $$"""{"openapi":"3.0.0","paths":{ {{string.Join(",", paths)}} },"components":{"schemas":{ {{string.Join(",", schemas)}} } } }""";
    }
}
