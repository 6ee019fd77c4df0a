using Rollcall.Databases;
using Rollcall.Serve.Authorization;

namespace Rollcall.Serve.Storage.Sqlite;

/// <summary>Asks the file, from the element's side: the organizations that it hangs below are few, however many the caller has.</summary>
/// <param name="prepared">Keeps statements by their text.</param>
internal sealed class Reachable(StoreModel model, Func<string, SqliteStatement> prepared) : IReachable
{
    private static readonly int Reaches = Enum.GetValues<Reach>().Length;
    private readonly string?[] _statements = new string?[Reaches];
    private readonly ViewSql _views = new(model.Relationships, ViewDialect.Sqlite);
    private Access? _bound;

    public bool IsReached(Reach reach, ElementValue value, CallerClaims claims)
    {
        var find = prepared(_statements[(int)reach] ??= Statement(reach));
        _ = value.Text is { } text ? find.BindText(1, text) : find.Bind(1, value.Number);
        try
        {
            while (find.Step())
            {
                if (claims.Has(find.Long(0)))
                {
                    return true;
                }
            }

            return false;
        }
        finally
        {
            find.Reset();
        }
    }

    /// <summary>The values of the elements in a stored row, and its ownership token.</summary>
    public ElementValue[] Stored(AccessPlan plan, long rowId)
    {
        var columns = model.Relationships.Columns[plan.Resource.Index];
        var values = new ElementValue[columns.Length + 1];
        if (columns.Length == 0 && !plan.IsOwned)
        {
            return values;
        }

        var find = prepared($"SELECT {string.Join(", ", columns.Add("owner"))} FROM {model.Table(plan.Resource).Name} WHERE row_id = ?1").Bind(1, rowId);
        try
        {
            find.Step();
            for (var i = 0; i < values.Length; i++)
            {
                values[i] = find.IsNull(i) ? default
                    : i < columns.Length && plan.Elements[i].Kind == ElementKind.Organization ? ElementValue.Of(find.Long(i))
                    : ElementValue.Of(find.Text(i));
            }
        }
        finally
        {
            find.Reset();
        }

        return values;
    }

    /// <summary>The access with its views as they are now; a refusal when one can't be used. <see cref="IsInView"/> asks those of the access that was bound last.</summary>
    public Access Bind(Access access)
    {
        if (!access.HasViews)
        {
            return access;
        }

        return _bound = access.Bound(ShapeOf);
    }

    /// <inheritdoc cref="Bind(Access)"/>
    /// <exception cref="InvalidOperationException">A view can't be used: the answer is that the server has failed, whatever the list holds.</exception>
    public Access BindList(Access access)
    {
        var bound = Bind(access);
        return bound.Breakage is null ? bound : throw new InvalidOperationException("A custom view of authorization is not there, can't be read, or lacks its column.");
    }

    public bool IsInView(ViewPlan view, long row)
    {
        var shape = _bound!.Shapes![view.View.Name];
        var (table, isListed) = view.IsSelf
            ? (model.Table(view.View.Basis).Name, _views.IsListed(view, shape, "s"))
            : (_views.FirstTable(view), _views.IsListedFrom(view, shape, "s"));
        var find = prepared($"SELECT 1 FROM {table} s WHERE s.row_id = ?1 AND {isListed}").Bind(1, row);
        try
        {
            return find.Step();
        }
        finally
        {
            find.Reset();
        }
    }

    /// <summary>Where a stored document's path to a view's basis begins: see <see cref="IReachable.IsInView"/>.</summary>
    public long StoredRow(AccessPlan plan, ViewPlan view, long rowId)
    {
        if (view.IsSelf)
        {
            return rowId;
        }

        var find = prepared($"SELECT {TableModel.ColumnOf(view.First!)} FROM {model.Table(plan.Resource).Name} WHERE row_id = ?1").Bind(1, rowId);
        try
        {
            return find.Step() ? find.LongOrNull(0) ?? 0 : 0;
        }
        finally
        {
            find.Reset();
        }
    }

    private ViewShape? ShapeOf(CustomView view)
    {
        // A name with this character would end there.
        if (view.Name.Contains('\0'))
        {
            return null;
        }

        var columns = new List<string>();
        try
        {
            var find = prepared("SELECT name FROM pragma_table_info(?1)").BindText(1, "auth." + view.Name);
            while (find.Step())
            {
                columns.Add(find.Text(0));
            }

            find.Reset();
        }
        catch (SqliteFailureException failure) when (failure.IsStatement)
        {
            // It is over something that is not there.
            return null;
        }

        return ViewShape.Of(view.Basis, columns);
    }

    private string Statement(Reach reach) => reach switch
    {
        Reach.Below => $"SELECT ancestor FROM {RelationshipTables.Closure} WHERE descendant = ?1",
        Reach.Above => $"SELECT descendant FROM {RelationshipTables.Closure} WHERE ancestor = ?1",
        Reach.Contact => string.Join(" UNION ALL ", from contact in model.Relationships.Contacts
                                                    from enrolment in model.Relationships.Enrolments
                                                    select $"SELECT c.ancestor FROM {contact.Table.Name} k JOIN {enrolment.Table.Name} a ON a.{enrolment.From} = k.{contact.To} JOIN {RelationshipTables.Closure} c ON c.descendant = a.{enrolment.To} WHERE k.{contact.From} = ?1"),
        _ => string.Join(" UNION ALL ", model.Relationships.Of(reach).Select(r =>
            $"SELECT c.ancestor FROM {r.Table.Name} a JOIN {RelationshipTables.Closure} c ON c.descendant = a.{r.To} WHERE a.{r.From} = ?1")),
    };
}
