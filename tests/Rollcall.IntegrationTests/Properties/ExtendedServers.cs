using Rollcall.IntegrationTests.Serve.Http;
using Rollcall.Serve;
using Rollcall.Tests.Standard.Loading;

namespace Rollcall.IntegrationTests.Properties;

/// <summary>The sandbox with TPDM, Sample and Homograph, over SQLite.</summary>
public sealed class SqliteExtendedServer : SqliteServer
{
    protected override ServeOptions With(ServeOptions options) => options with { Extensions = ExtensionFiles.All, TokenLifetime = ExtensionFiles.LongEnough };
}

/// <summary>The same over PostgreSQL.</summary>
public sealed class PostgresExtendedServer(PostgresFixture postgres) : PostgresServer(postgres)
{
    protected override ServeOptions With(ServeOptions options) => options with { Extensions = ExtensionFiles.All, TokenLifetime = ExtensionFiles.LongEnough };
}

/// <summary>Where the published extensions are.</summary>
internal static class ExtensionFiles
{
    /// <summary>Every fault of every resource takes longer than a token lives otherwise.</summary>
    public static readonly TimeSpan LongEnough = TimeSpan.FromHours(12);

    public static string[] All => [.. ExtensionModels.Names.Select(ExtensionModels.Path)];
}

[CollectionDefinition(Name)]
public sealed class SqliteExtendedCollection : ICollectionFixture<SqliteExtendedServer>
{
    public const string Name = "HTTP over SQLite, with extensions";
}

[CollectionDefinition(Name)]
public sealed class PostgresExtendedCollection : ICollectionFixture<PostgresExtendedServer>
{
    public const string Name = "HTTP over PostgreSQL, with extensions";
}
