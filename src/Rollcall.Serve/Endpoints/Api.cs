using System.Diagnostics;
using System.Text;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;
using Rollcall.Serve.Admin;
using Rollcall.Serve.Metadata;
using Rollcall.Serve.Security;
using Rollcall.Serve.Storage;
using Rollcall.Standard.Model;

namespace Rollcall.Serve.Endpoints;

/// <summary>The front of the server: every request comes in here, is sent to its endpoint, and is counted on its way out.
/// What fails unforeseen is answered here and nowhere else.</summary>
internal sealed class Api(
    ServeOptions options,
    ResourceRoutes routes,
    ServedTenant tenant,
    MetadataEndpoints metadata,
    HealthEndpoint health,
    RequestCounters counters,
    ILogger logger,
    AdminEndpoints? admin = null)
{
    public async Task HandleAsync(HttpContext http)
    {
        var started = Stopwatch.GetTimestamp();
        var headers = http.Response.Headers;
        headers.XContentTypeOptions = "nosniff";
        headers["Referrer-Policy"] = "no-referrer";

        var path = RequestPath.Parse(http.Request.Path.Value ?? "", options.PathBase);
        var route = path.Family == PathFamily.Data ? routes.Find(path.Rest) : default;
        Caller? caller = null;
        try
        {
            if (path.Base.Length > 0)
            {
                http.Request.PathBase = path.Base;
            }

            if (AnswerBeforeRouting(http) is { } answer)
            {
                await answer;
            }
            else if (path.Family is PathFamily.Data or PathFamily.ChangeQueries or PathFamily.TokenInfo)
            {
                var bearer = await tenant.Bearer.CheckAsync(http);
                var instance = tenant.Instances[0];
                caller = bearer.Caller;
                await (caller is null ? Problems.Unauthenticated(bearer.Error!).WriteAsync(http) : path.Family switch
                {
                    PathFamily.Data => instance.Resources.HandleAsync(http, caller, route, path.DataBase),
                    PathFamily.ChangeQueries => instance.ChangeQueries.HandleAsync(http, caller, path),
                    _ => instance.TokenInfo.HandleAsync(http, caller),
                });
            }
            else
            {
                await (path.Family switch
                {
                    PathFamily.Root => metadata.RootAsync(http),
                    PathFamily.Metadata => metadata.HandleAsync(http, path),
                    PathFamily.Token => tenant.Token.HandleAsync(http),
                    PathFamily.Admin when admin is not null => admin.HandleAsync(http, path.Rest.ToString()),
                    PathFamily.Health => health.HandleAsync(http),
                    PathFamily.Metrics => http.Response.WriteAsync(counters.ToPrometheus(), http.RequestAborted),
                    _ => Problems.NotFound().WriteAsync(http),
                });
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
            Count(path.Family, route.Resource?.Model, http);
            if (logger.IsEnabled(LogLevel.Debug))
            {
                logger.Answered(
                    http.Request.Method, TargetOf(path, route), http.Response.StatusCode, Stopwatch.GetElapsedTime(started).TotalMilliseconds, caller?.Client.Key ?? "none", CorrelationId.Of(http));
            }
        }
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

        if (HttpMethods.IsOptions(request.Method) && request.Headers.Origin.Count > 0 && request.Headers.AccessControlRequestMethod.Count > 0)
        {
            // No origin is configured, so there is no Access-Control header to send.
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

        // Keeps the headers of every answer, drops what the endpoint had set.
        var kept = (http.Response.Headers.XContentTypeOptions, http.Response.Headers["Referrer-Policy"]);
        http.Response.Clear();
        (http.Response.Headers.XContentTypeOptions, http.Response.Headers["Referrer-Policy"]) = kept;
        try
        {
            await problem.WriteAsync(http);
        }
        catch (OperationCanceledException) when (http.RequestAborted.IsCancellationRequested)
        {
            // The client has gone.
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
                PathFamily.ChangeQueries => OtherTarget.ChangeQueries,
                PathFamily.Health or PathFamily.Metrics => OtherTarget.Operations,
                _ => OtherTarget.Unknown,
            },
            method,
            status);
    }

    /// <summary>The path as a log may show it: resource and kind, never an id's neighbourhood in the query.</summary>
    private static string TargetOf(in RequestPath path, in ResourceRoute route) =>
        route.Resource is { } resource ? $"{resource.Path} {route.Target}" : path.Family.ToString();

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
