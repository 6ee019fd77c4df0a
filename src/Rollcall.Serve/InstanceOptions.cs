namespace Rollcall.Serve;

/// <summary>A database that the server serves under an address of its own.</summary>
/// <param name="Id">The number by which clients are assigned to it: the Admin API's <c>odsInstanceId</c>.</param>
/// <param name="Name">For people.</param>
/// <param name="Route">Its value for each route qualifier, in their order.</param>
/// <param name="Database">A SQLite file or an Npgsql connection string.</param>
public sealed record InstanceOptions(int Id, string Name, IReadOnlyList<string> Route, string Database);
