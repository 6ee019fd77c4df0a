namespace Rollcall.Serve.Queries;

/// <summary>A condition in the store's own SQL that every row of a list must meet: in pages, totals, cursor pages and partitions alike.
/// Both stores put it in at one place each, <c>Reads.AddConditions</c>.</summary>
/// <param name="Sql">A boolean expression. <c>{0}</c> stands for the row's table, <c>{1}</c> and so on for the values:
/// <c>exists (select 1 from x where x.row = {0}.school_row and x.client = {1})</c>. One text per shape, so that it stays prepared.</param>
/// <param name="Values">Each a long, a string, a Guid; on PostgreSQL also an array of these.</param>
public sealed record RowCondition(string Sql, IReadOnlyList<object> Values);
