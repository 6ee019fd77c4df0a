using System.Collections.Frozen;
using System.Runtime.CompilerServices;
using Microsoft.AspNetCore.Http;
using Rollcall.Serve.Endpoints;
using Rollcall.Serve.Profiles;
using Rollcall.Serve.Queries;
using Rollcall.Standard.Documents;
using Rollcall.Standard.Model;
using Rollcall.Standard.Ordering;

namespace Rollcall.Serve.Metadata;

/// <summary>Everything anonymous that says what the API is: the root document and all below <c>/metadata</c>, in the addresses of the
/// ODS/API and of the DMS. Each document is made at its first request and kept.</summary>
internal sealed class MetadataEndpoints
{
    private const string GraphMl = "application/graphml";

    private readonly DataStandard _standard;
    private readonly Compatibility _compatibility;
    private readonly Lazy<XsdFiles> _xsd;
    private readonly Lazy<RootedDocument> _root;
    private readonly Lazy<RootedDocument> _dependencies;
    private readonly Lazy<RootedDocument> _dependencyGraph;
    private readonly FrozenDictionary<string, Lazy<RootedDocument>> _documents;

    /// <summary>Each for as long as its profile is in use.</summary>
    private readonly ConditionalWeakTable<CompiledProfile, RootedDocument> _ofProfiles = [];

    /// <param name="xsdFolder">Where the XSD files are; empty for none.</param>
    public MetadataEndpoints(DataStandard standard, Compatibility compatibility = Compatibility.Default, string xsdFolder = "")
    {
        _standard = standard;
        _compatibility = compatibility;
        _xsd = new(() => new XsdFiles(xsdFolder, standard));
        var order = new Lazy<DependencyOrder>(() => DependencyOrder.Compute(standard));
        _root = new(() => Discovery.RootDocument(standard, compatibility));
        _dependencies = new(() => Discovery.Json(json => DependencyFormats.WriteJson(order.Value, json)));
        _dependencyGraph = new(() => GraphOf(order.Value));
        var resources = OpenApi(OpenApiDocument.Resources);
        var descriptors = OpenApi(OpenApiDocument.Descriptors);
        _documents = new Dictionary<string, Lazy<RootedDocument>>(StringComparer.OrdinalIgnoreCase)
        {
            [""] = new(Discovery.MetadataRoot),
            ["specifications/resources-spec.json"] = resources,
            ["specifications/descriptors-spec.json"] = descriptors,
            ["specifications/discovery-spec.json"] = new(SmallSpecifications.Discovery),
            ["data/v3/resources/swagger.json"] = resources,
            ["data/v3/descriptors/swagger.json"] = descriptors,
            ["changequeries/v1/swagger.json"] = new(SmallSpecifications.ChangeQueries),
            ["identity/v2/swagger.json"] = new(SmallSpecifications.Identities),
            ["xsd"] = new(() => Discovery.XsdSections(standard)),
        }.ToFrozenDictionary(StringComparer.OrdinalIgnoreCase);
    }

    /// <param name="open">What the request left open of the address of the data; see <see cref="RootedDocument.DataRoot"/>.</param>
    public Task RootAsync(HttpContext http, string open = "") => ReadOnly(http) ?? _root.Value.WriteAsync(http, open);

    /// <param name="profiles">Those of the tenant that the path names; null when it names none.</param>
    public Task HandleAsync(HttpContext http, RequestPath path, ProfileCatalog? profiles, string open = "")
    {
        var rest = path.HasYearAfterVersion ? $"data/v3/{path.Rest}" : path.Rest.ToString();

        // The ODS/API lists its specifications under the slash, the DMS has an object without it.
        var isOdsList = rest.Length == 0 && path.HasTrailingSlash;
        if (isOdsList || rest.Equals("specifications", StringComparison.OrdinalIgnoreCase))
        {
            return ReadOnly(http) ?? ListAsync(http, isOdsList, profiles, open);
        }

        if (ProfileOf(rest) is { } profile)
        {
            return ReadOnly(http) ?? ProfileAsync(http, profile, profiles, open);
        }

        if (rest.StartsWith("xsd/", StringComparison.OrdinalIgnoreCase))
        {
            return XsdAsync(http, rest["xsd/".Length..].Split('/'));
        }

        var document = rest.Equals("dependencies", StringComparison.OrdinalIgnoreCase) || rest.Equals("data/v3/dependencies", StringComparison.OrdinalIgnoreCase)
            ? WantsGraph(http) ? _dependencyGraph : _dependencies
            : _documents.GetValueOrDefault(rest);
        return document is null ? NoSuchDocumentAsync(http) : ReadOnly(http) ?? document.Value.WriteAsync(http, open);
    }

    /// <summary>The profile whose document a path names; null when it is no such path.</summary>
    private static string? ProfileOf(string rest)
    {
        foreach (var (start, end) in ((string, string)[])[("specifications/profiles/", "/resources-spec.json"), ("data/v3/profiles/", "/swagger.json")])
        {
            if (rest.Length > start.Length + end.Length
                && rest.StartsWith(start, StringComparison.OrdinalIgnoreCase) && rest.EndsWith(end, StringComparison.OrdinalIgnoreCase))
            {
                // The only character that the server leaves encoded.
                return rest[start.Length..^end.Length].Replace("%2F", "/", StringComparison.OrdinalIgnoreCase);
            }
        }

        return null;
    }

    private static async Task ListAsync(HttpContext http, bool isOds, ProfileCatalog? profiles, string open)
    {
        var usable = profiles is null ? [] : (await profiles.CurrentAsync([], http.RequestAborted)).Usable;
        await (isOds ? Discovery.OdsSpecifications(usable) : Discovery.Specifications(usable)).WriteAsync(http, open);
    }

    private async Task ProfileAsync(HttpContext http, string name, ProfileCatalog? profiles, string open)
    {
        if (profiles is null || (await profiles.CurrentAsync([name], http.RequestAborted)).Find(name) is not { } profile)
        {
            Problems.WriteBareNotFound(http.Response);
            return;
        }

        await _ofProfiles.GetValue(profile, Document).WriteAsync(http, open);

        RootedDocument Document(CompiledProfile profile) => new(
            OpenApiDocument.OfProfile(profile, _standard, RootedDocument.DataRoot + DataBase, RootedDocument.DataRoot + "/oauth/token", PageParameters.LimitMax),
            ContentTypes.Json);
    }

    /// <summary><c>{section}/files</c> and <c>{section}/{File}.xsd</c>.</summary>
    private Task XsdAsync(HttpContext http, string[] segments)
    {
        if (segments is [var section, var name])
        {
            if (name.Equals("files", StringComparison.OrdinalIgnoreCase) && _xsd.Value.ListOf(section) is { } list)
            {
                return ReadOnly(http) ?? list.WriteAsync(http);
            }

            if (_xsd.Value.Find(section, name) is { } file)
            {
                return ReadOnly(http) ?? FileAsync(http, file);
            }
        }

        return NoSuchDocumentAsync(http);
    }

    private static Task FileAsync(HttpContext http, string file)
    {
        http.Response.ContentType = "application/xml";
        http.Response.ContentLength = new FileInfo(file).Length;
        return http.Response.SendFileAsync(file, http.RequestAborted);
    }

    private Task NoSuchDocumentAsync(HttpContext http) =>
        _compatibility == Compatibility.Dms ? Problems.WriteInvalidResourcePathAsync(http) : Problems.NotFound().WriteAsync(http);

    /// <summary>The answer to a method other than GET and HEAD; null for these.</summary>
    private static Task? ReadOnly(HttpContext http) =>
        HttpMethods.IsGet(http.Request.Method) || HttpMethods.IsHead(http.Request.Method)
            ? null
            : Problems.MethodNotAllowedHere(http.Request.Method, "GET").WriteAsync(http);

    private static bool WantsGraph(HttpContext http) =>
        http.Request.Headers.Accept.ToString().Contains(GraphMl, StringComparison.OrdinalIgnoreCase);

    private string DataBase => _compatibility == Compatibility.Dms ? "/data" : "/data/v3";

    private Lazy<RootedDocument> OpenApi(Func<DataStandard, string, string, int, byte[]> write) => new(() => new RootedDocument(
        write(_standard, RootedDocument.DataRoot + DataBase, RootedDocument.DataRoot + "/oauth/token", PageParameters.LimitMax), ContentTypes.Json));

    private static RootedDocument GraphOf(DependencyOrder order)
    {
        using var graph = new MemoryStream();
        DependencyFormats.WriteGraphMl(order, graph);
        return new RootedDocument(graph.ToArray(), GraphMl);
    }
}
