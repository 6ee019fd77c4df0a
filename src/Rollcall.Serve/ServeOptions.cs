using System.Net;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Rollcall.Databases;
using Rollcall.Serve.Security;
using Rollcall.Serve.Storage;
using Rollcall.Standard.Documents;

namespace Rollcall.Serve;

/// <summary>What <c>rollcall serve</c> can be told. Defaults are here and nowhere else.</summary>
public sealed partial record ServeOptions
{
    /// <summary>Addresses to listen on. Port 0 takes any free port.</summary>
    public IReadOnlyList<string> Urls { get; init; } = ["http://127.0.0.1:8001"];

    /// <summary>The file of a SQLite database, or an Npgsql connection string (anything that names a host).</summary>
    public string Database { get; init; } = "rollcall.db";

    /// <summary>Files of extensions of the data standard: ApiSchema files or compact ones, plain or gzipped.</summary>
    public IReadOnlyList<string> Extensions { get; init; } = [];

    /// <summary>Makes the client <c>sandbox</c> with the secret <c>sandbox</c>, and loads the standard descriptors and school years.</summary>
    public bool Sandbox { get; init; }

    /// <summary>Lets the sandbox, whose secret everybody knows, listen on other addresses than loopback.</summary>
    public bool SandboxOnNetwork { get; init; }

    /// <summary>A prefix of all paths, such as <c>/edfi</c>; optional in requests. Empty for none.</summary>
    public string PathBase { get; init; } = "";

    public TimeSpan TokenLifetime { get; init; } = TimeSpan.FromMinutes(30);

    /// <summary>Live tokens of a client at most; -1 for no limit. Does not hold for the client of the sandbox.</summary>
    public int TokensMax { get; init; } = 15;

    /// <summary>What stands before the families of addresses.</summary>
    public RouteTemplate Routes { get; init; } = RouteTemplate.None;

    /// <summary>What is served where there is more than <see cref="Database"/>: each tenant with its instances. Without tenants one of them, without a name.</summary>
    public IReadOnlyList<TenantOptions> Tenants { get; init; } = [];

    /// <summary>The tenants with their instances, or the one database as the only one.</summary>
    /// <summary>The database that the clients are in; null where each tenant has its own.</summary>
    public string? Home => Routes.HasTenants ? null
        : AllTenants[0].Database.Length > 0 ? AllTenants[0].Database : AllTenants[0].Instances[0].Database;

    internal IReadOnlyList<TenantOptions> AllTenants => Tenants.Count > 0 ? Tenants : [new TenantOptions("", "", [new InstanceOptions(1, "", [], Database)])];

    /// <summary>Folder of the XSD files, a subfolder for each project; empty for none.</summary>
    public string XsdFolder { get; init; } = "";

    /// <summary>Key and secret of the administrator; the Admin API is on when both are given.</summary>
    public string? AdminKey { get; init; }

    public string? AdminSecret { get; init; }

    /// <summary>Another issuer whose tokens are accepted; null for none.</summary>
    public OidcOptions? Oidc { get; init; }

    /// <summary>Files of profile definitions (XML) that are there from the start, beside those of the Admin API.</summary>
    public IReadOnlyList<string> ProfileFiles { get; init; } = [];

    /// <summary>How many snapshots clients may have open, and for how long.</summary>
    public SnapshotLimits Snapshots { get; init; } = SnapshotLimits.Default;

    /// <summary>Whether documents get the ownership token of the client that creates them, and the strategy OwnershipBased is evaluated.</summary>
    public bool Ownership { get; init; }

    /// <summary>Whose ways the API has where servers differ.</summary>
    public Compatibility Compatibility { get; init; }

    public TrafficOptions Traffic { get; init; } = new();

    public LogFormat LogFormat { get; init; }

    public LogLevel LogLevel { get; init; } = LogLevel.Information;

    /// <summary>Largest request body.</summary>
    public long BodyBytesMax { get; init; } = 10 * 1_048_576;

    /// <summary>Whether <see cref="Database"/> names PostgreSQL.</summary>
    public bool IsPostgres => NamesPostgres(Database);

    /// <summary>Whether the text is a connection string rather than a file's path.</summary>
    public static bool NamesPostgres(string database) => database.Contains("Host=", StringComparison.OrdinalIgnoreCase) || PostgresDatabase.HostOf(database) is { Length: > 0 };

    /// <summary>A fault when the text is neither a file's path nor a connection string that can be used; it is never repeated, for it may hold a password.</summary>
    internal static string? FaultOf(string database) =>
        database.Contains("://", StringComparison.Ordinal) || (!NamesPostgres(database) && (PairAtStart().IsMatch(database) || PostgresDatabase.HostOf(database) is not null))
            ? "is neither the path of a SQLite file nor a PostgreSQL connection string such as \"Host=localhost;Database=edfi;Username=edfi\". Its text is not shown, because it may hold a password."
            : null;

    /// <summary>A folder may be named <c>year=2026</c>: a pair has no slash in its name and ends with a semicolon.</summary>
    [GeneratedRegex(@"^[^=;/\\]+=[^;]*;")]
    private static partial Regex PairAtStart();

    /// <summary>Everything that is wrong with the options, in words for the user; empty when nothing is.</summary>
    public IReadOnlyList<string> Validate()
    {
        var faults = new List<string>();
        if (Urls.Count == 0)
        {
            faults.Add("--urls names no address to listen on.");
        }

        foreach (var url in Urls)
        {
            if (ListenAddress.TryParse(url, out var address) is { } fault)
            {
                faults.Add(fault);
            }
            else if (Sandbox && !SandboxOnNetwork && !address.IsLoopback)
            {
                faults.Add($"--sandbox listens on loopback only, because everybody knows its secret, and {url} is not loopback. Say --sandbox-on-network when that is wanted, in a container for example.");
            }
        }

        if (SandboxOnNetwork && !Sandbox)
        {
            faults.Add("--sandbox-on-network says nothing without --sandbox.");
        }

        if (string.IsNullOrWhiteSpace(Database))
        {
            faults.Add("--database is empty: give the path of a SQLite file, or a PostgreSQL connection string such as \"Host=localhost;Database=edfi\".");
        }

        if (FaultOf(Database) is { } unusable)
        {
            faults.Add($"--database {unusable}");
        }

        if (PathBase.Length > 0 && (!PathBase.StartsWith('/') || PathBase.EndsWith('/') || PathBase.Contains("//", StringComparison.Ordinal)))
        {
            faults.Add($"--path-base must begin with a slash and not end with one, like /edfi; it is {PathBase}.");
        }

        if (TokenLifetime < TimeSpan.FromMinutes(1) || TokenLifetime > TimeSpan.FromDays(1))
        {
            faults.Add("--token-minutes must be between 1 and 1440.");
        }

        if (TokensMax is 0 or < -1)
        {
            faults.Add("--tokens-max must be at least 1, or -1 for no limit.");
        }

        if (Snapshots.OpenMax is < 0 or > 16)
        {
            faults.Add("--snapshots-max must be between 0 and 16.");
        }

        if (Snapshots.Idle < TimeSpan.FromSeconds(1) || Snapshots.Idle > Snapshots.Age)
        {
            faults.Add("--snapshot-idle-seconds must be at least 1, and not longer than --snapshot-minutes.");
        }

        if (Snapshots.Age > TimeSpan.FromDays(1))
        {
            faults.Add("--snapshot-minutes must be between 1 and 1440.");
        }

        if (BodyBytesMax is < 1024 or > 1_073_741_824)
        {
            faults.Add("--body-bytes-max must be between 1024 and 1073741824.");
        }

        if (XsdFolder.Length > 0 && !Directory.Exists(XsdFolder))
        {
            faults.Add($"--xsd: there is no folder {XsdFolder}.");
        }

        faults.AddRange(Traffic.Faults());
        faults.AddRange(InstanceFaults.Of(this));

        if (AdminKey is null != AdminSecret is null)
        {
            faults.Add("--admin-key and --admin-secret go together: the Admin API is on when both are given.");
        }

        if (AdminSecret is { Length: < AdminSecretLengthMin })
        {
            faults.Add($"--admin-secret is shorter than {AdminSecretLengthMin} characters: whoever guesses it can give away every child's record.");
        }

        faults.AddRange(Oidc?.Validate() ?? []);
        faults.AddRange(ProfileFiles.Where(f => !File.Exists(f)).Select(f => $"--profile: there is no file {f}."));
        return faults;
    }

    private const int AdminSecretLengthMin = 16;
}

/// <summary>An address to listen on.</summary>
/// <param name="Ip">Null for every address of the machine.</param>
internal readonly record struct ListenAddress(IPAddress? Ip, bool IsLocalhost, int Port)
{
    public bool IsLoopback => IsLocalhost || (Ip is not null && IPAddress.IsLoopback(Ip));

    /// <returns>What is wrong with the text; null when nothing is.</returns>
    public static string? TryParse(string url, out ListenAddress address)
    {
        address = default;
        BindingAddress parsed;
        try
        {
            parsed = BindingAddress.Parse(url);
        }
        catch (FormatException)
        {
            return $"--urls: {url} is no address; it should look like http://127.0.0.1:8001.";
        }

        if (!parsed.Scheme.Equals("http", StringComparison.OrdinalIgnoreCase))
        {
            return $"--urls: {url} is not http. For HTTPS put a reverse proxy in front of the server.";
        }

        if (parsed.PathBase.Length > 0)
        {
            return $"--urls: {url} has a path; use --path-base {parsed.PathBase} for that.";
        }

        if (parsed.Port is < 0 or > 65535)
        {
            return $"--urls: {url} has no such port; ports go from 0 to 65535.";
        }

        var host = parsed.Host.Trim('[', ']');
        if (host is "*" or "+")
        {
            address = new ListenAddress(null, false, parsed.Port);
            return null;
        }

        if (host.Equals("localhost", StringComparison.OrdinalIgnoreCase))
        {
            address = new ListenAddress(null, true, parsed.Port);
            return null;
        }

        if (!IPAddress.TryParse(host, out var ip))
        {
            return $"--urls: {host} is neither an IP address of this machine, nor localhost, nor * for all addresses.";
        }

        address = new ListenAddress(ip, false, parsed.Port);
        return null;
    }
}
