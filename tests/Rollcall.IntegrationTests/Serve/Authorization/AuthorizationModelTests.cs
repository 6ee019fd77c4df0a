using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Rollcall.IntegrationTests.Serve.Http;
using static Rollcall.IntegrationTests.Serve.Authorization.AuthorizationWorld;

namespace Rollcall.IntegrationTests.Serve.Authorization;

/// <summary>Random hierarchies, relationships, clients and claim sets: the server must agree with an oracle in memory in every decision, before and
/// after the relationships change; and an oracle with any one rule wrong must disagree with it.</summary>
public abstract class AuthorizationModelTests(HttpServer server)
{
    private const string EdOrgs = "RelationshipsWithEdOrgsOnly";
    private const string Both = "RelationshipsWithEdOrgsAndPeople";
    private const string People = "RelationshipsWithPeopleOnly";
    private const string Students = "RelationshipsWithStudentsOnly";
    private const string Responsible = "RelationshipsWithStudentsOnlyThroughResponsibility";
    private const string EdOrgsUp = EdOrgs + "Inverted";
    private const string BothUp = Both + "Inverted";

    private const string Listed = "StudentWithModelRow";
    private const string ListedByKey = "StudentWithModelKey";

    /// <summary>Of each strategy and action, in the long run.</summary>
    private const int DecisionsMin = 500;

    /// <summary>Which strategies can be configured where.</summary>
    private static readonly Dictionary<string, (string[] Data, string[] Changes)> Choices = new(StringComparer.Ordinal)
    {
        ["classPeriods"] = ([EdOrgs, EdOrgsUp, Both, BothUp], [EdOrgs, EdOrgsUp]),
        ["organizationDepartments"] = ([EdOrgs, EdOrgsUp, Both, BothUp], [EdOrgs, EdOrgsUp]),
        ["studentEducationOrganizationAssociations"] = (
            [EdOrgs, EdOrgsUp, Both, BothUp, People, Students, Responsible, Listed, ListedByKey], [EdOrgs, Both + "IncludingDeletes", Students + "IncludingDeletes", Responsible + "IncludingDeletes"]),
        ["disciplineActions"] = (
            [EdOrgs, EdOrgsUp, Both, BothUp, People, Students, Responsible, Listed, ListedByKey], [EdOrgsUp, Both + "IncludingDeletes", Students + "IncludingDeletes", Responsible + "IncludingDeletes"]),
        ["educationContents"] = (["NamespaceBased"], ["NamespaceBased"]),
        ["students"] = ([Both, People, Students, Responsible, Listed, ListedByKey], [Both + "IncludingDeletes"]),
        ["contacts"] = ([Both, People], [Both + "IncludingDeletes"]),
        ["staffs"] = ([Both, People], [Both + "IncludingDeletes"]),
    };

    private readonly AuthorizationWorld _world = new(server);
    private readonly AdministratorsDatabase _administrator = new(server);
    private readonly AccessOracle _oracle = new();
    private readonly List<(Requester Who, string Bearer)> _clients = [];
    private readonly Dictionary<string, (Secured Document, string Item, JsonObject Body)> _documents = [];
    private readonly List<(Secured Document, string Id)> _deleted = [];
    private readonly Dictionary<(string Strategy, string Action), (int Allowed, int Denied)> _counts = [];
    private readonly Dictionary<Flaw, int> _disagreements = [];

    /// <summary>After how many decisions each flaw was caught.</summary>
    private readonly Dictionary<Flaw, int> _caughtAt = [];
    private readonly List<long> _agencies = [];
    private readonly List<long> _schools = [];
    private readonly List<string> _students = [];
    private readonly List<string> _contacts = [];
    private readonly List<string> _staffs = [];
    private readonly string[] _prefixes = [$"uri://{Guid.NewGuid():N}", $"uri://{Guid.NewGuid():N}"];
    private Random _random = new(0);
    private int _decisions;

    [Rule("8.2.students")]
    [Rule("8.2.hierarchy")]
    [Rule("8.2.custom-views")]
    [Rule("8.3.combination")]
    [Rule("8.4.lists")]
    [Rule("6.5.recorded")]
    [Fact]
    public async Task The_server_decides_as_the_oracle_does_and_as_no_flawed_one()
    {
        var seed = LongRun.IsOn ? Random.Shared.Next() : 20_261_122;
        _random = new Random(seed);
        var wanted = LongRun.IsOn ? 100_000 : 3_000;
        TestContext.Current.SendDiagnosticMessage("seed {0}", seed);
        await BuildAsync();
        try
        {
            while (_decisions < wanted || (LongRun.IsOn && _decisions < 40 * wanted && _counts.Values.Any(c => c.Allowed + c.Denied < DecisionsMin)))
            {
                for (var i = 0; i < 40; i++)
                {
                    await DecideAsync();
                }

                for (var i = 0; i < 6; i++)
                {
                    await ChangeRelationshipsAsync();
                }
            }
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            throw new InvalidOperationException($"Seed {seed}, after {_decisions} decisions.", e);
        }

        var counts = new StringBuilder().AppendLine(CultureInfo.InvariantCulture, $"seed {seed}, {_decisions} decisions");
        foreach (var ((strategy, action), (allowed, denied)) in _counts.OrderBy(c => c.Key))
        {
            counts.AppendLine(CultureInfo.InvariantCulture, $"{strategy} {action}: {allowed} allowed, {denied} denied, {100 * ShareOf((allowed, denied)):0} %");
        }

        counts.AppendLine().AppendJoin(", ", _caughtAt.Select(c => $"{c.Key} caught after {c.Value}"));
        TestContext.Current.TestOutputHelper!.WriteLine(counts.ToString());
        Assert.All(
            _counts.GroupBy(c => c.Key.Strategy).Concat(_counts.GroupBy(c => c.Key.Action)),
            group => Assert.True(group.Sum(c => c.Value.Allowed) > 0 && group.Sum(c => c.Value.Denied) > 0, $"{group.Key} was decided one way only.\n{counts}"));
        Assert.All(
            Enum.GetValues<Flaw>().Where(f => f != Flaw.None),
            flaw => Assert.True(_disagreements.GetValueOrDefault(flaw) > 0, $"An oracle with the flaw {flaw} was not caught, seed {seed}."));
        if (LongRun.IsOn)
        {
            Assert.All(_counts, c => Assert.True(c.Value.Allowed + c.Value.Denied >= DecisionsMin, $"{c.Key} was decided too seldom.\n{counts}"));
            Assert.All(_caughtAt, c => Assert.True(c.Value <= 2_000, $"The flaw {c.Key} was caught only after {c.Value} decisions.\n{counts}"));
            Assert.All(_counts, c => Assert.True(ShareOf(c.Value) is >= 0.3 and <= 0.7, $"{c.Key} was decided too often one way.\n{counts}"));
        }
    }

    // ---- the world

    private async Task BuildAsync()
    {
        for (var i = 0; i < 6; i++)
        {
            var parent = i > 1 && _random.Next(3) > 0 ? Pick(_agencies) : (long?)null;
            _agencies.Add(await _world.AgencyAsync(parent));
            _oracle.Parents[_agencies[^1]] = parent is { } p ? [p] : [];
        }

        for (var i = 0; i < 10; i++)
        {
            var agency = _random.Next(5) > 0 ? Pick(_agencies) : (long?)null;
            _schools.Add(await _world.SchoolAsync(agency));
            _oracle.Parents[_schools[^1]] = agency is { } a ? [a] : [];
        }

        foreach (var (kind, list, endpoint) in (IEnumerable<(string, List<string>, string)>)
            [("student", _students, "students"), ("contact", _contacts, "contacts"), ("staff", _staffs, "staffs")])
        {
            for (var i = 0; i < 10; i++)
            {
                list.Add(_world.Text(kind[..1]));
                await StoreAsync(
                    new Secured(endpoint, null, kind == "student" ? list[^1] : null, kind == "contact" ? list[^1] : null, kind == "staff" ? list[^1] : null, null),
                    Person(kind, list[^1]));
            }
        }

        foreach (var view in (string[])[Listed, ListedByKey])
        {
            await _administrator.MakeAsync(view, ("Student", "StudentUniqueId"), isByKey: view == ListedByKey);
            _oracle.Views[view] = [];
            for (var i = 0; i < 5; i++)
            {
                await ChangeViewAsync(view);
            }
        }

        for (var i = 0; i < 30; i++)
        {
            await ChangeRelationshipsAsync(onlyAdd: true);
        }

        for (var i = 0; i < 60; i++)
        {
            var (document, body) = NewDocument(Pick(Choices.Keys.Where(k => k is not ("students" or "contacts" or "staffs")).ToArray()));
            await StoreAsync(document, body);
        }

        for (var i = 0; i < (LongRun.IsOn ? 40 : 14); i++)
        {
            await AddClientAsync();
        }
    }

    private async Task AddClientAsync()
    {
        var strategies = Choices.ToDictionary(c => c.Key, c => Some(c.Value.Data));
        var changes = Choices.ToDictionary(c => c.Key, c => Some(c.Value.Changes));
        var who = new Requester(
            [.. Enumerable.Range(0, _random.Next(8) == 0 ? 0 : _random.Next(2, 7)).Select(_ => Pick(_random.Next(2) == 0 ? _agencies : _schools)).Distinct()],
            [.. _prefixes.Where(_ => _random.Next(2) == 0).DefaultIfEmpty(_prefixes[0])],
            strategies, changes);
        var set = await _world.ClaimSetAsync([
            .. strategies.Select(s => (Claim(s.Key), "Create Read Update Delete", s.Value)),
            .. changes.Select(s => (Claim(s.Key), "ReadChanges", s.Value))]);
        _clients.Add((who, await _world.ClientAsync(set, who.Organizations, who.Prefixes)));

        string[] Some(string[] from) => [.. from.OrderBy(_ => _random.Next()).Take(_random.Next(3) == 0 ? 2 : 1)];
        static string Claim(string endpoint) => endpoint == "classPeriods" ? "classPeriod" : endpoint[..^1];
    }

    private async Task StoreAsync(Secured document, JsonObject body)
    {
        var item = await _world.PutAsync(document.Endpoint, body);
        _documents[item] = (document, item, body);
    }

    /// <summary>A document that is not stored yet.</summary>
    private (Secured Document, JsonObject Body) NewDocument(string endpoint)
    {
        var (organization, student) = (Pick(_random.Next(3) == 0 ? _agencies : _schools), Pick(_students));
        switch (endpoint)
        {
            case "classPeriods":
                organization = Pick(_schools);
                return (new(endpoint, organization, null, null, null, null), ClassPeriod(_world.Text("p"), organization));
            case "organizationDepartments":
                long? parent = _random.Next(5) == 0 ? null : organization;
                return (new(endpoint, parent, null, null, null, null), Department(_world.Number(), parent));
            case "studentEducationOrganizationAssociations":
                for (var i = 0; i < 50 && _documents.Values.Any(d => d.Document.Endpoint == endpoint && d.Document.Student == student && d.Document.Organization == organization); i++)
                {
                    (organization, student) = (Pick(_random.Next(3) == 0 ? _agencies : _schools), Pick(_students));
                }

                // Nearly every student is associated with every organization by now.
                return _documents.Values.Any(d => d.Document.Endpoint == endpoint && d.Document.Student == student && d.Document.Organization == organization)
                    ? NewDocument("disciplineActions")
                    : (new(endpoint, organization, student, null, null, null), StudentOrganization(student, organization));
            case "disciplineActions":
                organization = Pick(_schools);
                return (new(endpoint, organization, student, null, null, null), Discipline(_world.Text("d"), student, organization));
            default:
                var ns = _random.Next(4) == 0 ? "uri://other/" + Pick(_prefixes) : Pick(_prefixes) + "/x";
                return (new(endpoint, null, null, null, null, ns), Content(_world.Text("c"), ns));
        }
    }

    /// <summary>A student more in the view, or less: by the administrator, outside the server.</summary>
    private async Task ChangeViewAsync(string view)
    {
        var student = Pick(_students);
        if (_oracle.Views[view].Remove(student))
        {
            await _administrator.UnlistAsync(view, student);
            return;
        }

        _oracle.Views[view].Add(student);
        await _administrator.ListAsync(view, student);
    }

    private async Task ChangeRelationshipsAsync(bool onlyAdd = false)
    {
        if (!onlyAdd && _random.Next(5) == 0)
        {
            await ChangeViewAsync(_random.Next(2) == 0 ? Listed : ListedByKey);
            return;
        }

        var (student, school, organization, staff) = (Pick(_students), Pick(_schools), Pick(_random.Next(2) == 0 ? _agencies : _schools), Pick(_staffs));
        switch (_random.Next(onlyAdd ? 5 : 10))
        {
            case 0:
                await _world.PutAsync("studentSchoolAssociations", Enrolment(student, school));
                _oracle.Enrolments.Add((student, school));
                break;
            case 1:
                await _world.PutAsync("studentEducationOrganizationResponsibilityAssociations", Responsibility(student, organization));
                _oracle.Responsibilities.Add((student, organization));
                break;
            case 2:
                var contact = Pick(_contacts);
                await _world.PutAsync("studentContactAssociations", Contact(contact, student));
                _oracle.Contacts.Add((contact, student));
                break;
            case 3:
                await _world.PutAsync("staffEducationOrganizationEmploymentAssociations", Employment(staff, organization));
                _oracle.Employments.Add((staff, organization));
                break;
            case 4:
                await _world.PutAsync("staffEducationOrganizationAssignmentAssociations", Assignment(staff, organization));
                _oracle.Assignments.Add((staff, organization));
                break;
            case 5 or 6 when _oracle.Enrolments.Count > 6:
                var ended = Pick(_oracle.Enrolments.ToArray());
                await _world.DeleteAsync(await _world.PutAsync("studentSchoolAssociations", Enrolment(ended.Student, ended.School)));
                _oracle.Enrolments.Remove(ended);
                _oracle.FormerEnrolments.Add(ended);
                break;
            case 7 when _oracle.Responsibilities.Count > 4:
                var over = Pick(_oracle.Responsibilities.ToArray());
                await _world.DeleteAsync(await _world.PutAsync("studentEducationOrganizationResponsibilityAssociations", Responsibility(over.Student, over.Organization)));
                _oracle.Responsibilities.Remove(over);
                _oracle.FormerResponsibilities.Add(over);
                break;
            case 8 when _oracle.Employments.Count > 4:
                var left = Pick(_oracle.Employments.ToArray());
                await _world.DeleteAsync(await _world.PutAsync("staffEducationOrganizationEmploymentAssociations", Employment(left.Staff, left.Organization)));
                _oracle.Employments.Remove(left);
                break;
            default:
                // The key of an enrolment can change: the school that the student came from is a former one then.
                if (_random.Next(2) == 0 && _oracle.Enrolments.Count > 0 && Pick(_oracle.Enrolments.ToArray()) is var moving && !_oracle.Enrolments.Contains((moving.Student, school)))
                {
                    var item = await _world.PutAsync("studentSchoolAssociations", Enrolment(moving.Student, moving.School));
                    (await server.PutAsync(item, Enrolment(moving.Student, school).ToJsonString())).Is(204);
                    _oracle.Enrolments.Remove(moving);
                    _oracle.FormerEnrolments.Add(moving);
                    _oracle.Enrolments.Add((moving.Student, school));
                    break;
                }

                var agency = _random.Next(4) == 0 ? (long?)null : Pick(_agencies);
                await _world.PutAsync("schools", School(school, agency));
                _oracle.Parents[school] = agency is { } a ? [a] : [];
                break;
        }
    }

    // ---- the decisions

    private async Task DecideAsync()
    {
        switch (LongRun.IsOn && _random.Next(5) > 0 ? Seldom() : _random.Next(12))
        {
            case 0:
                await ListAsync();
                break;
            case 1:
                await DeletesAsync();
                break;
            case 2 or 3:
                var ((maker, makersBearer), (document, body)) = Needed(
                    "Create", () => NewDocument(Pick(Choices.Keys.Where(k => k is not ("students" or "contacts" or "staffs")).ToArray())), d => d.Document,
                    (w, d) => _oracle.May(w, d.Document));
                var created = await _world.SendAsync(makersBearer, "POST", document.Endpoint, body);
                Agree(maker, document, "Create", created, 201, f => _oracle.May(maker, document, f));
                if (created.Status == 201)
                {
                    var item = $"{Data}{document.Endpoint}/{created.Id}";
                    _documents[item] = (document, item, body);
                }

                break;
            case 4 or 5 or 6:
                await UpdateAsync();
                break;
            case 7:
                // What some client may delete is deleted sooner or later: without more only what nobody may would be left.
                for (var i = 0; i < 50 && _documents.Values.Where(d => _clients.Any(c => _oracle.May(c.Who, d.Document))).Take(60).Count() < 60; i++)
                {
                    var (added, addedBody) = NewDocument(Pick(Choices.Keys.Where(k => k is not ("students" or "contacts" or "staffs")).ToArray()));
                    await StoreAsync(added, addedBody);
                }

                var removable = _documents.Values.Where(d => d.Document.Endpoint is not ("students" or "contacts" or "staffs")).ToArray();
                var ((remover, removersBearer), doomed) = Needed("Delete", () => Pick(removable), d => d.Document, (w, d) => _oracle.May(w, d.Document));
                var gone = await _world.SendAsync(removersBearer, "DELETE", doomed.Item);
                Agree(remover, doomed.Document, "Delete", gone, 204, f => _oracle.May(remover, doomed.Document, f));
                if (gone.Status == 204)
                {
                    _documents.Remove(doomed.Item);
                    _deleted.Add((doomed.Document, doomed.Item.Split('/')[^1]));
                }

                break;
            default:
                var stored = _documents.Values.ToArray();
                var ((reader, readersBearer), read) = Needed("Read", () => Pick(stored), d => d.Document, (w, d) => _oracle.May(w, d.Document));
                Agree(
                    reader, read.Document, "Read", await _world.SendAsync(readersBearer, "GET", read.Item), 200, f => _oracle.May(reader, read.Document, f));
                break;
        }
    }

    /// <summary>The action that some strategy was decided by least often.</summary>
    private int Seldom() => _counts.Count == 0 ? 0 : _counts.MinBy(c => c.Value.Allowed + c.Value.Denied).Key.Action switch
    {
        "List" => 0,
        "ReadChanges" => 1,
        "Create" => 2,
        "Update" => 4,
        "Delete" => 7,
        _ => 8,
    };

    /// <summary>A PUT, or a POST of what exists: stored and proposed values both count.</summary>
    private async Task UpdateAsync()
    {
        var stored = _documents.Values.ToArray();
        var ((who, bearer), (document, item, proposed, changed)) = Needed(
            "Update", () => Changed(Pick(stored)), d => d.Document, (w, d) => _oracle.May(w, d.Document) && _oracle.May(w, d.Proposed));
        var isPost = _random.Next(3) == 0 && document.Endpoint is not ("students" or "contacts" or "staffs");
        var answer = await _world.SendAsync(bearer, isPost ? "POST" : "PUT", isPost ? document.Endpoint : item, changed);
        Agree(who, document, "Update", answer, isPost ? 200 : 204, f => _oracle.May(who, document, f) && _oracle.May(who, proposed, f));
        if (answer.Status is 200 or 204)
        {
            _documents[item] = (proposed, item, changed);
        }
    }

    /// <summary>A stored document with another value where its resource has one that can change.</summary>
    private (Secured Document, string Item, Secured Proposed, JsonObject Body) Changed((Secured Document, string Item, JsonObject Body) stored)
    {
        var (document, item, body) = stored;
        var (proposed, changed) = (document, (JsonObject)body.DeepClone());
        switch (document.Endpoint)
        {
            case "disciplineActions":
                var school = Pick(_schools);
                (proposed, changed["responsibilitySchoolReference"]!["schoolId"]) = (document with { Organization = school }, school);
                break;
            case "organizationDepartments":
                var parent = Pick(_agencies);
                (proposed, changed) = (document with { Organization = parent }, Department((long)body["organizationDepartmentId"]!, parent));
                break;
            case "educationContents":
                var ns = Pick(_prefixes) + "/y";
                (proposed, changed["namespace"]) = (document with { Namespace = ns }, ns);
                break;
            case "students" or "contacts" or "staffs":
                changed["firstName"] = _world.Text("n");
                break;
        }

        return (document, item, proposed, changed);
    }

    private async Task ListAsync()
    {
        var (who, bearer, endpoint) = NeededList("List", Choices.Keys.ToArray(), _documents.Values.Select(d => d.Document).ToArray(), (w, d) => _oracle.May(w, d));
        var (answer, seen) = await AllAsync(bearer, endpoint);
        var visible = 0;
        foreach (var (document, item, _) in _documents.Values.Where(d => d.Document.Endpoint == endpoint))
        {
            var isSeen = seen.Contains(item.Split('/')[^1]);
            visible += isSeen ? 1 : 0;
            Agree(who, document, "List", isSeen, f => _oracle.May(who, document, f));
        }

        // Nothing else is reached from organizations and prefixes of this test's own.
        Assert.Equal(visible, seen.Count);
        answer.HasHeader("Total-Count", $"{visible}");
    }

    private async Task DeletesAsync()
    {
        if (_deleted.Count == 0)
        {
            return;
        }

        var documents = _deleted.Select(d => d.Document).ToArray();
        var (who, bearer, endpoint) = NeededList("ReadChanges", documents.Select(d => d.Endpoint).Distinct().ToArray(), documents, (w, d) => _oracle.MaySeeDeleted(w, d));
        var (answer, seen) = await AllAsync(bearer, $"{endpoint}/deletes");
        var visible = 0;
        foreach (var (document, id) in _deleted.Where(d => d.Document.Endpoint == endpoint && !IsBack(d.Document)))
        {
            visible += seen.Contains(id) ? 1 : 0;
            Agree(who, document, "ReadChanges", seen.Contains(id), f => _oracle.MaySeeDeleted(who, document, f));
        }

        Assert.Equal(visible, seen.Count);
        answer.HasHeader("Total-Count", $"{visible}");
    }

    /// <summary>The ids on all pages, and the first page.</summary>
    private async Task<(HttpAnswer First, HashSet<string> Ids)> AllAsync(string bearer, string path)
    {
        var first = (await _world.SendAsync(bearer, "GET", $"{path}?totalCount=true&limit=500")).Is(200);
        var ids = new HashSet<string>(StringComparer.Ordinal);
        for (var page = first; ; page = (await _world.SendAsync(bearer, "GET", $"{path}?limit=500&offset={ids.Count}")).Is(200))
        {
            var items = page.Json!.AsArray();
            ids.UnionWith(items.Select(d => (string)d!["id"]!));
            if (items.Count < 500)
            {
                return (first, ids);
            }
        }
    }

    /// <summary>A key that exists again is not among the deleted ones.</summary>
    private bool IsBack(Secured document) => document.Endpoint == "studentEducationOrganizationAssociations"
        && _documents.Values.Any(d => d.Document.Endpoint == document.Endpoint && d.Document.Student == document.Student && d.Document.Organization == document.Organization);

    private void Agree(Requester who, Secured document, string action, HttpAnswer answer, int success, Func<Flaw, bool> may)
    {
        Assert.True(answer.Status == success || answer.Status == 403, $"{action} {document.Endpoint}: {answer}");
        Agree(who, document, action, answer.Status == success, may);
    }

    private void Agree(Requester who, Secured document, string action, bool isAllowed, Func<Flaw, bool> may)
    {
        var strategies = StrategiesOf(who, document, action);
        Assert.True(
            may(Flaw.None) == isAllowed,
            $"{action} of {document}: the server says {isAllowed}, strategies {string.Join(", ", strategies)}, organizations {string.Join(", ", who.Organizations)}, prefixes {string.Join(", ", who.Prefixes)}");
        foreach (var flaw in Enum.GetValues<Flaw>())
        {
            if (may(flaw) != isAllowed)
            {
                _disagreements[flaw] = _disagreements.GetValueOrDefault(flaw) + 1;
                _caughtAt.TryAdd(flaw, _decisions + 1);
            }
        }

        foreach (var strategy in strategies)
        {
            var (allowed, denied) = _counts.GetValueOrDefault((strategy, action));
            _counts[(strategy, action)] = isAllowed ? (allowed + 1, denied) : (allowed, denied + 1);
        }

        _decisions++;
    }

    /// <summary>Of several clients and documents those that are most wanting: a strategy and action decided seldom, or too often the other way.</summary>
    private ((Requester Who, string Bearer) Client, T Drawn) Needed<T>(
        string action, Func<T> draw, Func<T, Secured> documentOf, Func<Requester, T, bool> isAllowed) =>
        Enumerable.Range(0, 30).Select(_ => (Client: Pick(_clients), Drawn: draw()))
            .MaxBy(d => Need(d.Client.Who, documentOf(d.Drawn), action, isAllowed(d.Client.Who, d.Drawn)));

    /// <summary>Of several clients and endpoints those whose list is most wanting.</summary>
    private (Requester Who, string Bearer, string Endpoint) NeededList(
        string action, string[] endpoints, Secured[] documents, Func<Requester, Secured, bool> may)
    {
        var (client, endpoint) = Enumerable.Range(0, 8).Select(_ => (Client: Pick(_clients), Endpoint: Pick(endpoints)))
            .MaxBy(d => documents.Where(x => x.Endpoint == d.Endpoint).Select(x => Need(d.Client.Who, x, action, may(d.Client.Who, x))).DefaultIfEmpty().Average());
        return (client.Who, client.Bearer, endpoint);
    }

    private double Need(Requester who, Secured document, string action, bool isAllowed) => StrategiesOf(who, document, action).Average(strategy =>
    {
        var (allowed, denied) = _counts.GetValueOrDefault((strategy, action));
        return Math.Max(0, DecisionsMin - allowed - denied) + (1000.0 * (isAllowed ? denied - allowed : allowed - denied) / (allowed + denied + 1));
    });

    private static string[] StrategiesOf(Requester who, Secured document, string action) =>
        (action == "ReadChanges" ? who.ChangeStrategies : who.Strategies)[document.Endpoint];

    private static double ShareOf((int Allowed, int Denied) count) => (double)count.Allowed / (count.Allowed + count.Denied);

    private T Pick<T>(IReadOnlyList<T> from) => from[_random.Next(from.Count)];
}

[Collection(SqliteCollection.Name)]
public sealed class SqliteAuthorizationModelTests(SqliteServer server) : AuthorizationModelTests(server);

[Collection(PostgresCollection.Name)]
public sealed class PostgresAuthorizationModelTests(PostgresServer server) : AuthorizationModelTests(server);
