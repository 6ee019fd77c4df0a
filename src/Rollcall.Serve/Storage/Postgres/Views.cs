using Npgsql;
using Rollcall.Serve.Authorization;

namespace Rollcall.Serve.Storage.Postgres;

/// <summary>Looks up custom views in the schema <c>auth</c>, right before each use: an administrator may make, change or drop one at any time, and a
/// statement that names one which is not there would undo a whole group of writes.</summary>
internal static class Views
{
    // A view that we may not read counts as none. Names are compared as texts: a cast to "name" would cut a longer one.
    private const string Columns = """
        select c.relname::text, a.attname::text
        from pg_catalog.pg_class c
        join pg_catalog.pg_namespace n on n.oid = c.relnamespace and n.nspname = 'auth'
        join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        where c.relname = any($1::text[]) and c.relkind in ('v', 'm', 'r', 'p', 'f')
            and has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'select')
        order by c.relname, a.attnum
        """;

    /// <summary>How the views look now, by name; without those that are not there or can't be used.</summary>
    public static async Task<Dictionary<string, ViewShape>> ReadAsync(
        NpgsqlConnection connection, IEnumerable<CustomView> views, CancellationToken cancellationToken)
    {
        // PostgreSQL has no name with this character, and no text either.
        var wanted = views.DistinctBy(v => v.Name).Where(v => !v.Name.Contains('\0')).ToDictionary(v => v.Name, StringComparer.Ordinal);
        var columns = new Dictionary<string, List<string>>(StringComparer.Ordinal);
        await using var batch = new NpgsqlBatch(connection);
        batch.Then(Columns).With(wanted.Keys.ToArray());
        await using (var reader = await batch.ExecuteReaderAsync(cancellationToken))
        {
            while (await reader.ReadAsync(cancellationToken))
            {
                var name = reader.GetString(0);
                if (!columns.TryGetValue(name, out var known))
                {
                    columns[name] = known = [];
                }

                known.Add(reader.GetString(1));
            }
        }

        var shapes = new Dictionary<string, ViewShape>(StringComparer.Ordinal);
        foreach (var (name, known) in columns)
        {
            if (ViewShape.Of(wanted[name].Basis, known) is { } shape)
            {
                shapes[name] = shape;
            }
        }

        return shapes;
    }

    /// <summary>The access with its views found; a refusal when one can't be used.</summary>
    public static async ValueTask<Access> BindAsync(NpgsqlConnection connection, Access access, CancellationToken cancellationToken)
    {
        if (!access.HasViews)
        {
            return access;
        }

        var shapes = await ReadAsync(connection, access.Plan!.Views.Select(v => v.View), cancellationToken);
        return access.Bound(view => shapes.GetValueOrDefault(view.Name));
    }

    /// <exception cref="InvalidOperationException">A view can't be used: the answer is that the server has failed, whatever the list holds.</exception>
    public static async ValueTask<Access> BindListAsync(NpgsqlConnection connection, Access access, CancellationToken cancellationToken)
    {
        var bound = await BindAsync(connection, access, cancellationToken);
        return bound.Breakage is null ? bound : throw new InvalidOperationException("A custom view of authorization is not there, can't be read, or lacks its column.");
    }
}
