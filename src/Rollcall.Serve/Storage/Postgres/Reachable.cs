using Npgsql;
using Rollcall.Serve.Authorization;
using Rollcall.Standard.Documents;
using Rollcall.Standard.Model;

namespace Rollcall.Serve.Storage.Postgres;

/// <summary>What a group of requests on one resource must know of the stored values and of the relationships: asked for in the batch
/// that reads the group's rows, one statement per kind of relationship, from the elements' side, however many organizations a caller has.</summary>
internal sealed class Reachable : IReachable
{
    private readonly RelationshipTables _tables;
    private readonly ResourceModel _resource;
    private readonly string _table;

    /// <summary>In front of a condition on a table that several resources share.</summary>
    private readonly string _scope;
    private readonly Dictionary<Reach, SortedSet<int>> _asked = [];
    private readonly HashSet<long> _organizations = [];
    private readonly Dictionary<Reach, HashSet<ElementValue>> _proposed = [];
    private readonly Dictionary<(long RowId, long Version), ElementValue[]> _stored = [];
    private readonly Dictionary<(Reach, ElementValue), List<long>> _reached = [];
    private readonly Dictionary<Reach, HashSet<(ElementValue Value, long Organization)>> _relied = [];

    public Reachable(Catalog catalog, ResourceModel resource)
    {
        (_tables, _resource, _table) = (catalog.Relationships, resource, "rollcall." + catalog.Tables[resource.Index].Name);
        _scope = resource.IsDescriptor ? $"t.resource = {catalog.NumberOf(resource)} and " : "";
        Views = new ListedRows(_tables, _table, _scope);
    }

    private bool _isOwnerWanted;

    /// <summary>What custom views say; to be found before <see cref="Ask"/>.</summary>
    public ListedRows Views { get; }

    /// <summary>The questions of one request.</summary>
    /// <param name="document">Whose values are to be stored; null when none are.</param>
    public void Want(Access access, Document? document)
    {
        if (access.Plan is not { } plan)
        {
            return;
        }

        _isOwnerWanted |= plan.IsOwned;
        Views.Want(plan, document);
        foreach (var check in plan.Checks)
        {
            if (!_asked.TryGetValue(check.Reach, out var elements))
            {
                _asked[check.Reach] = elements = [];
                _proposed[check.Reach] = [];
            }

            elements.Add(check.Element);
            if (document is not null && ElementValue.Of(plan.Elements[check.Element], document) is { IsPresent: true } value)
            {
                _proposed[check.Reach].Add(value);
            }

            if (check.Reach == Reach.Above)
            {
                _organizations.UnionWith(access.Claims!.Organizations);
            }
        }
    }

    /// <summary>Adds the statements; their results are read by <see cref="ReadAsync"/>.</summary>
    /// <param name="ids">The stored rows by id, and by key, whose values are needed.</param>
    public void Ask(NpgsqlBatch batch, Guid[] ids, Guid[] keys)
    {
        var columns = _tables.Columns[_resource.Index];
        foreach (var (reach, elements) in _asked)
        {
            var isText = reach is not (Reach.Below or Reach.Above);
            var stored = elements.Select(e => columns[e]).Distinct().Select(c => $" union select t.{c} from {_table} t where {_scope}(t.id = any($2) or t.key_hash = any($3))");
            var values = $"(select unnest($1::{(isText ? "text" : "bigint")}[]) as v{string.Concat(stored)}) u";
            var command = batch.Then(Statement(reach, values));
            _ = isText
                ? command.With(_proposed[reach].Select(v => v.Text!).ToArray())
                : command.With(_proposed[reach].Select(v => v.Number).ToArray());
            command.With(ids).With(keys);
            if (reach == Reach.Above)
            {
                command.With(_organizations.ToArray());
            }
        }

        Views.Ask(batch, ids, keys);

        // Last: a row that has the version here that it had in the group's first statement was the same for all statements between.
        if (columns.Length > 0 || _isOwnerWanted)
        {
            batch.Then($"select t.row_id, t.change_version, {string.Join(", ", columns.Add("owner").Select(c => "t." + c))} from {_table} t where {_scope}(t.id = any($1) or t.key_hash = any($2))")
                .With(ids).With(keys);
        }
    }

    /// <summary>Reads the results, from the reader's current one on, and moves behind the last.</summary>
    public async Task ReadAsync(NpgsqlDataReader reader, CancellationToken cancellationToken)
    {
        foreach (var reach in _asked.Keys)
        {
            while (await reader.ReadAsync(cancellationToken))
            {
                var value = reach is Reach.Below or Reach.Above ? ElementValue.Of(reader.GetInt64(0)) : ElementValue.Of(reader.GetString(0));
                if (!_reached.TryGetValue((reach, value), out var organizations))
                {
                    _reached[(reach, value)] = organizations = [];
                }

                organizations.Add(reader.GetInt64(1));
            }

            await reader.NextResultAsync(cancellationToken);
        }

        await Views.ReadAsync(reader, cancellationToken);
        var elements = _tables.Elements[_resource.Index];
        if (elements.Length > 0 || _isOwnerWanted)
        {
            while (await reader.ReadAsync(cancellationToken))
            {
                var values = new ElementValue[elements.Length + 1];
                for (var i = 0; i < values.Length; i++)
                {
                    values[i] = reader.IsDBNull(i + 2) ? default
                        : i < elements.Length && elements[i].Kind == ElementKind.Organization ? ElementValue.Of(reader.GetInt64(i + 2))
                        : ElementValue.Of(reader.GetString(i + 2));
                }

                _stored[(reader.GetInt64(0), reader.GetInt64(1))] = values;
            }

            await reader.NextResultAsync(cancellationToken);
        }
    }

    /// <summary>The values of a stored row, its ownership token behind them; null when the row changed while it was being read, so that the request must be begun again.</summary>
    public ElementValue[]? Stored(long rowId, long changeVersion) =>
        !Views.Has(rowId, changeVersion) ? null : _tables.Elements[_resource.Index].Length == 0 && !_isOwnerWanted ? [] : _stored.GetValueOrDefault((rowId, changeVersion));

    public bool IsReached(Reach reach, ElementValue value, CallerClaims claims)
    {
        foreach (var organization in _reached.GetValueOrDefault((reach, value)) ?? [])
        {
            if (claims.Has(organization))
            {
                if (!_relied.TryGetValue(reach, out var relied))
                {
                    _relied[reach] = relied = [];
                }

                relied.Add((value, organization));
                return true;
            }
        }

        return false;
    }

    public bool IsInView(ViewPlan view, long row) => Views.IsListed(view, row);

    /// <summary>Adds to the transaction that writes: fails unless every relationship that a decision relied on is still there.</summary>
    public void Recheck(NpgsqlBatch batch)
    {
        Views.Recheck(batch);
        foreach (var (reach, relied) in _relied)
        {
            var isText = reach is not (Reach.Below or Reach.Above);
            var command = batch.Then($"""
                select rollcall.require(not exists (
                    select from unnest($1::{(isText ? "text" : "bigint")}[], $2::bigint[]) w (v, organization)
                    where not exists (select from ({Pairs(reach, "(select w.v as v) u")}) p (v, organization) where p.organization = w.organization)))
                """);
            _ = isText ? command.With(relied.Select(r => r.Value.Text!).ToArray()) : command.With(relied.Select(r => r.Value.Number).ToArray());
            command.With(relied.Select(r => r.Organization).ToArray());
        }
    }

    private string Statement(Reach reach, string values) =>
        Pairs(reach, values) + (reach == Reach.Above ? " where c.descendant = any($4)" : "");

    /// <summary>Each value with the organizations from which it is reached.</summary>
    private string Pairs(Reach reach, string values)
    {
        const string closure = "rollcall." + RelationshipTables.Closure;
        return reach switch
        {
            Reach.Below => $"select u.v, c.ancestor from {values} join {closure} c on c.descendant = u.v",
            Reach.Above => $"select u.v, c.descendant from {values} join {closure} c on c.ancestor = u.v",
            Reach.Contact => string.Join(" union all ", from contact in _tables.Contacts
                                                        from enrolment in _tables.Enrolments
                                                        select $"select u.v, c.ancestor from {values} join rollcall.{contact.Table.Name} k on k.{contact.From} = u.v join rollcall.{enrolment.Table.Name} a on a.{enrolment.From} = k.{contact.To} join {closure} c on c.descendant = a.{enrolment.To}"),
            _ => string.Join(" union all ", _tables.Of(reach).Select(r =>
                $"select u.v, c.ancestor from {values} join rollcall.{r.Table.Name} a on a.{r.From} = u.v join {closure} c on c.descendant = a.{r.To}")),
        };
    }
}
