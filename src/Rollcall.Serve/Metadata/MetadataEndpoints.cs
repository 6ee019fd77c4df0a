using System.Collections.Frozen;
using Microsoft.AspNetCore.Http;
using Rollcall.Serve.Endpoints;
using Rollcall.Serve.Queries;
using Rollcall.Standard.Model;
using Rollcall.Standard.Ordering;

namespace Rollcall.Serve.Metadata;

/// <summary>Everything anonymous that says what the API is: the root document and all below <c>/metadata</c>, in the addresses of the
/// ODS/API and of the DMS. Each document is made at its first request and kept.</summary>
internal sealed class MetadataEndpoints
{
    private const string GraphMl = "application/graphml";

    private readonly DataStandard _standard;
    private readonly Lazy<RootedDocument> _root;
    private readonly Lazy<RootedDocument> _odsSpecifications = new(Discovery.OdsSpecifications);
    private readonly Lazy<RootedDocument> _dependencies;
    private readonly Lazy<RootedDocument> _dependencyGraph;
    private readonly FrozenDictionary<string, Lazy<RootedDocument>> _documents;

    public MetadataEndpoints(DataStandard standard)
    {
        _standard = standard;
        var order = new Lazy<DependencyOrder>(() => DependencyOrder.Compute(standard));
        _root = new(() => Discovery.RootDocument(standard));
        _dependencies = new(() => Discovery.Json(json => DependencyFormats.WriteJson(order.Value, json)));
        _dependencyGraph = new(() => GraphOf(order.Value));
        var resources = OpenApi(OpenApiDocument.Resources);
        var descriptors = OpenApi(OpenApiDocument.Descriptors);
        _documents = new Dictionary<string, Lazy<RootedDocument>>(StringComparer.OrdinalIgnoreCase)
        {
            [""] = new(Discovery.MetadataRoot),
            ["specifications"] = new(Discovery.Specifications),
            ["specifications/resources-spec.json"] = resources,
            ["specifications/descriptors-spec.json"] = descriptors,
            ["specifications/discovery-spec.json"] = new(SmallSpecifications.Discovery),
            ["data/v3/resources/swagger.json"] = resources,
            ["data/v3/descriptors/swagger.json"] = descriptors,
            ["changequeries/v1/swagger.json"] = new(SmallSpecifications.ChangeQueries),
        }.ToFrozenDictionary(StringComparer.OrdinalIgnoreCase);
    }

    public Task RootAsync(HttpContext http) => ReadOnly(http) ?? _root.Value.WriteAsync(http);

    public Task HandleAsync(HttpContext http, RequestPath path)
    {
        var rest = path.Rest.ToString();
        var document = rest.Equals("dependencies", StringComparison.OrdinalIgnoreCase) || rest.Equals("data/v3/dependencies", StringComparison.OrdinalIgnoreCase)
            ? WantsGraph(http) ? _dependencyGraph : _dependencies

            // The ODS/API lists its specifications under the slash, the DMS has an object without it.
            : rest.Length == 0 && path.HasTrailingSlash ? _odsSpecifications
            : _documents.GetValueOrDefault(rest);
        if (document is null)
        {
            return Problems.NotFound().WriteAsync(http);
        }

        return ReadOnly(http) ?? document.Value.WriteAsync(http);
    }

    /// <summary>The answer to a method other than GET and HEAD; null for these.</summary>
    private static Task? ReadOnly(HttpContext http) =>
        HttpMethods.IsGet(http.Request.Method) || HttpMethods.IsHead(http.Request.Method)
            ? null
            : Problems.MethodNotAllowedHere(http.Request.Method, "GET").WriteAsync(http);

    private static bool WantsGraph(HttpContext http) =>
        http.Request.Headers.Accept.ToString().Contains(GraphMl, StringComparison.OrdinalIgnoreCase);

    private Lazy<RootedDocument> OpenApi(Func<DataStandard, string, string, int, byte[]> write) => new(() => new RootedDocument(
        write(_standard, RootedDocument.Root + "/data/v3", RootedDocument.Root + "/oauth/token", PageParameters.LimitMax), ContentTypes.Json));

    private static RootedDocument GraphOf(DependencyOrder order)
    {
        using var graph = new MemoryStream();
        DependencyFormats.WriteGraphMl(order, graph);
        return new RootedDocument(graph.ToArray(), GraphMl);
    }
}
