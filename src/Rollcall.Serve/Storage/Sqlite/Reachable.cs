using Rollcall.Databases;
using Rollcall.Serve.Authorization;

namespace Rollcall.Serve.Storage.Sqlite;

/// <summary>Asks the file, from the element's side: the organizations that it hangs below are few, however many the caller has.</summary>
/// <param name="prepared">Keeps statements by their text.</param>
internal sealed class Reachable(StoreModel model, Func<string, SqliteStatement> prepared) : IReachable
{
    private static readonly int Reaches = Enum.GetValues<Reach>().Length;
    private readonly string?[] _statements = new string?[Reaches];

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
