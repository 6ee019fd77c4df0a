using Rollcall.Serve;

namespace Rollcall.IntegrationTests.Serve.Http;

/// <summary>Deployments with more than one database: two tenants with districts and years, and one with years alone.</summary>
internal static class RoutedServers
{
    /// <summary>North has two years of one district; South another district twice under the same address.</summary>
    public static async Task<ServeOptions> TenantsAsync(ServeOptions options, Func<Task<string>> database) => options with
    {
        Routes = new RouteTemplate(true, ["districtId", "schoolYear"]),
        Tenants =
        [
            new TenantOptions("North", "", [new(1, "one", ["255901", "2025"], options.Database), new(2, "two", ["255901", "2026"], await database())]),
            new TenantOptions(
                "South",
                "",
                [new(3, "three", ["255901", "2025"], await database()), new(4, "four", ["255902", "2025"], await database()), new(5, "five", ["255902", "2025"], await database())]),
        ],
    };

    public static async Task<ServeOptions> YearsAsync(ServeOptions options, Func<Task<string>> database) => options with
    {
        Routes = new RouteTemplate(false, ["schoolYear"]),
        Tenants = [new TenantOptions("", "", [new(1, "2025", ["2025"], options.Database), new(2, "2026", ["2026"], await database())])],
    };
}

public sealed class SqliteTenantsServer : SqliteServer
{
    protected override Task<ServeOptions> WithAsync(ServeOptions options) => RoutedServers.TenantsAsync(options, DatabaseAsync);

    protected override Task PrepareAsync() => Task.CompletedTask;
}

public sealed class PostgresTenantsServer(PostgresFixture postgres) : PostgresServer(postgres)
{
    protected override Task<ServeOptions> WithAsync(ServeOptions options) => RoutedServers.TenantsAsync(options, DatabaseAsync);

    protected override Task PrepareAsync() => Task.CompletedTask;
}

public sealed class SqliteYearsServer : SqliteServer
{
    protected override Task<ServeOptions> WithAsync(ServeOptions options) => RoutedServers.YearsAsync(options, DatabaseAsync);

    protected override Task PrepareAsync() => Task.CompletedTask;
}

public sealed class PostgresYearsServer(PostgresFixture postgres) : PostgresServer(postgres)
{
    protected override Task<ServeOptions> WithAsync(ServeOptions options) => RoutedServers.YearsAsync(options, DatabaseAsync);

    protected override Task PrepareAsync() => Task.CompletedTask;
}
