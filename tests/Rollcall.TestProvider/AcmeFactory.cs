using System.Data.Common;

namespace Acme.Data.SqlClient;

/// <summary>An ADO.NET provider that Rollcall was not built with: SQLite, made to answer what Rollcall asks of SQL Server.</summary>
public sealed class AcmeFactory : DbProviderFactory
{
    public static readonly AcmeFactory Instance = new();

    private AcmeFactory()
    {
    }

    public override DbConnection CreateConnection() => new AcmeConnection();
}
