using System.Diagnostics;
using System.Text;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;
using Rollcall.Serve.Metadata;
using Rollcall.Serve.Security;
using Rollcall.Serve.Storage;
using Rollcall.Standard.Documents;
using Rollcall.Standard.Model;

namespace Rollcall.Serve.Endpoints;

/// <summary>The front of the server: every request comes in here, is sent to its endpoint, and is counted on its way out.
/// What fails unforeseen is answered here and nowhere else.</summary>
internal sealed class Api(
    ServeOptions options,
    ResourceRoutes routes,
    Deployment deployment,
    MetadataEndpoints metadata,
    HealthEndpoint health,
    RequestCounters counters,
    Traffic traffic,
    ILogger logger)
{
    private readonly bool _hasCorrelationHeader = options.Traffic.CorrelationHeader != TrafficOptions.DefaultCorrelationHeader;

    public async Task HandleAsync(HttpContext http)
    {
        var started = Stopwatch.GetTimestamp();
        WriteHeadersOfEveryAnswer(http);
        if (_hasCorrelationHeader)
        {
            // Under its usual name no longer, and under the configured one only.
            http.Request.Headers[CorrelationId.Name] = http.Request.Headers[options.Traffic.CorrelationHeader];
        }

        if (options.Traffic.TrustedProxies.Count > 0)
        {
            traffic.BelieveProxy(http);
        }

        var path = RequestPath.Parse(http.Request.Path.Value ?? "", options.PathBase, deployment.Template);
        var route = path.Family == PathFamily.Data ? routes.Find(path.Rest) : default;
        Caller? caller = null;
        try
        {
            if (path.Base.Length > 0)
            {
                http.Request.PathBase = path.Base;
            }

            if (traffic.Enter() is { } turnedAway && path.Family is not (PathFamily.Health or PathFamily.Metrics))
            {
                await turnedAway.WriteAsync(http);
            }
            else if (AnswerBeforeRouting(http) is { } answer)
            {
                await answer;
            }
            else if (path.Family is PathFamily.Data or PathFamily.ChangeQueries or PathFamily.TokenInfo
                || (path.Family == PathFamily.Identity && options.Compatibility == Compatibility.Default))
            {
                caller = await HandleForCallerAsync(http, path, route);
            }
            else
            {
                await HandleForAnybodyAsync(http, path);
            }
        }
        catch (OperationCanceledException) when (http.RequestAborted.IsCancellationRequested)
        {
            // The client has gone: nobody to answer.
        }
        catch (Exception failure)
        {
            await AnswerFailureAsync(http, failure, TargetOf(path, route));
        }
        finally
        {
            traffic.Leave();
            counters.Took(http.Request.Method, Stopwatch.GetElapsedTime(started));
            Count(path.Family, route.Resource?.Model, http);
            if (logger.IsEnabled(LogLevel.Debug))
            {
                logger.Answered(
                    http.Request.Method, TargetOf(path, route), http.Response.StatusCode, Stopwatch.GetElapsedTime(started).TotalMilliseconds, caller?.Client.Key ?? "none", CorrelationId.Of(http));
            }
        }
    }

    /// <summary>The addresses that need a token, which is looked at before anything else of the request.</summary>
    /// <returns>Null when there is no good token.</returns>
    private async ValueTask<Caller?> HandleForCallerAsync(HttpContext http, RequestPath path, ResourceRoute route)
    {
        if (deployment.Template.HasTenants && path.PrefixCount > 0 && !TenantOptions.IsName(path.PrefixSegment(0)))
        {
            await Problems.MalformedTenant().WriteAsync(http);
            return null;
        }

        var addressed = deployment.FindTenant(path);
        var (bearer, own) = deployment.Tenants.Count == 1 && addressed is not null
            ? (await addressed.Bearer.CheckAsync(http), addressed)
            : await deployment.AuthenticateAsync(http, addressed);
        if (bearer.Caller is not { } caller)
        {
            await Problems.Unauthenticated(bearer.Error!).WriteAsync(http);
            return null;
        }

        var (instance, problem) = deployment.Resolve(path, caller, addressed, own);
        await (instance is null ? problem!.WriteAsync(http) : path.Family switch
        {
            PathFamily.Data => instance.Resources.HandleAsync(http, caller, route, path.DataBase),
            PathFamily.ChangeQueries => instance.ChangeQueries.HandleAsync(http, caller, path),
            PathFamily.TokenInfo => instance.TokenInfo.HandleAsync(http, caller),
            PathFamily.Identity when options.Compatibility == Compatibility.Default => Problems.NotImplemented().WriteAsync(http),
            _ => Problems.NotFound().WriteAsync(http),
        });
        return caller;
    }

    private Task HandleForAnybodyAsync(HttpContext http, RequestPath path)
    {
        var template = deployment.Template;
        if (template.HasTenants && path.PrefixCount > 0 && path.Family != PathFamily.Unknown && deployment.FindTenant(path) is null)
        {
            return Problems.UnknownTenant().WriteAsync(http);
        }

        // After no prefix, the tenant alone, or all of it; discovery after any part of it.
        var isWhole = path.PrefixCount == 0 || path.PrefixCount == template.SegmentCount || (template.HasTenants && path.PrefixCount == 1);
        return path.Family switch
        {
            PathFamily.Root => metadata.RootAsync(http, OpenSegments()),
            PathFamily.Metadata when isWhole => metadata.HandleAsync(http, path, deployment.FindTenant(path)?.Profiles, OpenSegments()),
            PathFamily.Token when isWhole => TokenAsync(http, path),
            PathFamily.Admin when path.Rest.Equals("health", StringComparison.OrdinalIgnoreCase) && deployment.Tenants.Any(t => t.Admin is not null) => health.HandleAsync(http),
            PathFamily.Admin => AdminAsync(http, path),
            PathFamily.Health => health.HandleAsync(http),
            PathFamily.Metrics => MetricsAsync(http),
            _ => Problems.NotFound().WriteAsync(http),
        };

        string OpenSegments() => deployment.OpenSegments(path, options.Compatibility == Compatibility.Dms ? "tenant" : "tenantIdentifier");
    }

    /// <summary>Without a tenant in the address the header <c>tenant</c> names it, as clients of the Admin API have it.</summary>
    private Task AdminAsync(HttpContext http, RequestPath path)
    {
        var named = http.Request.Headers["tenant"].ToString();
        var tenant = deployment.FindTenant(path)
            ?? (path.PrefixCount == 0 ? deployment.Tenants.FirstOrDefault(t => t.Name.Equals(named, StringComparison.OrdinalIgnoreCase)) : null);
        return (tenant, path.PrefixCount > (deployment.Template.HasTenants ? 1 : 0)) switch
        {
            (null, _) => Problems.UnknownTenant().WriteAsync(http),
            ({ Admin: { } admin }, false) => admin.HandleAsync(http, path.Rest.ToString()),
            _ => Problems.NotFound().WriteAsync(http),
        };
    }

    private async Task MetricsAsync(HttpContext http)
    {
        http.Response.ContentType = "text/plain; version=0.0.4; charset=utf-8";
        http.Response.Headers.CacheControl = "no-store";
        var text = counters.ToPrometheus(traffic.AtOnce) + await StoreMetrics.ToPrometheusAsync(deployment.Instances, http.RequestAborted);
        await http.Response.WriteAsync(text, http.RequestAborted);
    }

    /// <summary>Without a tenant in the address the key says whose client it is.</summary>
    private async Task TokenAsync(HttpContext http, RequestPath path)
    {
        var tenant = deployment.FindTenant(path) ?? await deployment.FindTenantOfClientAsync(http) ?? deployment.Tenants[0];
        await tenant.Token.HandleAsync(http);
    }

    /// <summary>What is decided before a path or a token is looked at: preflights, and bodies that announce themselves as too large.</summary>
    private Task? AnswerBeforeRouting(HttpContext http)
    {
        var request = http.Request;
        if (request.ContentLength > options.BodyBytesMax)
        {
            // Lifted so that the server may take in and throw away a part of the body: a client that is still sending then gets to read the answer.
            http.Features.Get<IHttpMaxRequestBodySizeFeature>()!.MaxRequestBodySize = null;
            return Problems.TooLarge(options.BodyBytesMax).WriteAsync(http);
        }

        if (Traffic.IsPreflight(request))
        {
            http.Response.StatusCode = StatusCodes.Status204NoContent;
            return Task.CompletedTask;
        }

        return null;
    }

    private async Task AnswerFailureAsync(HttpContext http, Exception failure, string target)
    {
        var problem = failure switch
        {
            BadHttpRequestException { StatusCode: StatusCodes.Status413PayloadTooLarge } => Problems.TooLarge(options.BodyBytesMax),
            BadHttpRequestException bad => Problems.BrokenRequest(bad.StatusCode),
            ConnectionResetException => null,
            StoreUnavailableException => Problems.Unavailable(),
            SnapshotEndedException => Problems.SnapshotEnded(),
            _ => Problems.Unexpected(),
        };
        if (failure is StoreUnavailableException)
        {
            logger.StoreUnavailable(http.Request.Method, target, failure.InnerException?.GetType().Name ?? "no answer", CorrelationId.Of(http));
        }
        else if (problem?.Status >= StatusCodes.Status500InternalServerError)
        {
            logger.Failed(http.Request.Method, target, CorrelationId.Of(http), WithoutMessages(failure));
        }

        if (problem is null || http.Response.HasStarted)
        {
            http.Abort();
            return;
        }

        // Drops what the endpoint had set.
        http.Response.Clear();
        WriteHeadersOfEveryAnswer(http);
        if (problem.Status == StatusCodes.Status408RequestTimeout)
        {
            // The rest of the body is not waited for.
            http.Response.Headers.Connection = "close";
        }

        try
        {
            await problem.WriteAsync(http);
        }
        catch (OperationCanceledException) when (http.RequestAborted.IsCancellationRequested)
        {
            // The client has gone.
        }
    }

    private void WriteHeadersOfEveryAnswer(HttpContext http)
    {
        var headers = http.Response.Headers;
        headers.XContentTypeOptions = "nosniff";
        headers["Referrer-Policy"] = "no-referrer";
        if (options.Traffic.CorsOrigins.Count > 0)
        {
            traffic.AllowOrigin(http);
        }
    }

    private void Count(PathFamily family, ResourceModel? resource, HttpContext http)
    {
        var (method, status) = (http.Request.Method, http.Response.StatusCode);
        if (resource is not null)
        {
            counters.Count(resource, method, status);
            return;
        }

        counters.Count(
            family switch
            {
                PathFamily.Root or PathFamily.Metadata => OtherTarget.Metadata,
                PathFamily.Token => OtherTarget.Token,
                PathFamily.TokenInfo => OtherTarget.TokenInfo,
                PathFamily.Identity => OtherTarget.Identity,
                PathFamily.ChangeQueries => OtherTarget.ChangeQueries,
                PathFamily.Health or PathFamily.Metrics => OtherTarget.Operations,
                _ => OtherTarget.Unknown,
            },
            method,
            status);
    }

    /// <summary>The path as a log may show it: a template, never an id, a value of a route or a query.</summary>
    private static string TargetOf(in RequestPath path, in ResourceRoute route) => route.Resource is { } resource
        ? route.Target switch
        {
            RouteTarget.Collection => path.DataBase + resource.Path,
            RouteTarget.Item => $"{path.DataBase}{resource.Path}/{{id}}",
            _ => $"{path.DataBase}{resource.Path}/{char.ToLowerInvariant(route.Target.ToString()[0])}{route.Target.ToString()[1..]}",
        }
        : path.Family switch
        {
            PathFamily.Unknown => "none",
            PathFamily.Root => "/",
            PathFamily.Data => $"{path.DataBase}/…",
            PathFamily.ChangeQueries => "/changeQueries",
            PathFamily.Token => "/oauth/token",
            PathFamily.TokenInfo => "/oauth/token_info",
            _ => "/" + path.Family.ToString().ToLowerInvariant(),
        };

    private static string WithoutMessages(Exception failure)
    {
        var text = new StringBuilder();
        for (var e = failure; e is not null; e = e.InnerException)
        {
            text.Append(e.GetType().FullName).Append('\n').Append(e.StackTrace).Append('\n');
        }

        return text.ToString();
    }
}
