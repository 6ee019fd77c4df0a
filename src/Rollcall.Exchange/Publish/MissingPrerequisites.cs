using System.Collections.Concurrent;
using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Rollcall.Exchange.Client;
using Rollcall.Exchange.Delivery;
using Rollcall.Standard.Model;

namespace Rollcall.Exchange.Publish;

/// <summary>What became of the documents of one resource that were fetched because others refer to them.</summary>
/// <param name="NotHad">The source did not give it.</param>
/// <param name="Refused">The target did not take it.</param>
public sealed record FetchedReport(ResourceName Resource, long Created, long Updated, long NotHad, long Refused)
{
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"{Resource}: {Created + Updated + NotHad + Refused:N0} that the target did not have were looked for at the source because other documents refer to them: {Created:N0} created, {Updated:N0} updated, {NotHad:N0} not to be had, {Refused:N0} refused.");
}

/// <summary>Sends documents of the associations that authorize students, staffs and contacts; when the target does not have the person
/// that one refers to, that person is fetched from the source first.</summary>
/// <remarks>A source may show a person only from enrolment on. Such a person is older than the window of change versions, and only the
/// association is in it. The association is read again, because links are taken out of what is sent; its <c>link</c> tells only an id: what is
/// asked for is always the one expected resource, at the source's own address. Each association is looked at once in a run, and each person.</remarks>
/// <param name="persons">The associations, each with the resources that it authorizes.</param>
/// <param name="send">Sends one upsert.</param>
internal sealed partial class MissingPrerequisites(
    EdFiClient source, IReadOnlyDictionary<ResourceName, IReadOnlyList<ResourceName>> persons,
    Func<ResourceName, OutgoingDocument, CancellationToken, Task<WriteResult>> send)
{
    /// <summary>Bounds what is remembered of associations and of persons; each takes about 100 bytes.</summary>
    private const int EachMax = 200_000;

    private readonly ConcurrentDictionary<Guid, byte> _looked = new();
    private readonly ConcurrentDictionary<(ResourceName, Guid), Lazy<Task<bool>>> _persons = new();
    private readonly ConcurrentDictionary<ResourceName, Tally> _tallies = new();
    private int _lookedCount;
    private int _personCount;

    public IReadOnlyList<FetchedReport> Report() =>
        [.. _tallies.OrderBy(t => t.Key.Path, StringComparer.Ordinal).Select(t => new FetchedReport(t.Key, t.Value.Created, t.Value.Updated, t.Value.NotHad, t.Value.Refused))];

    /// <summary>There were more than can be remembered; what came later was refused.</summary>
    public bool IsFull => Volatile.Read(ref _lookedCount) >= EachMax || Volatile.Read(ref _personCount) >= EachMax;

    public bool IsAbout(ResourceName resource) => persons.ContainsKey(resource);

    public async Task<WriteResult> SendAsync(ResourceName resource, OutgoingDocument document, CancellationToken cancellationToken)
    {
        var result = await send(resource, document, cancellationToken);
        if (result.Failure is not { Kind: FailureKind.UnresolvedReference } || MembersNamed(result.Refusal.Span).Count == 0 || !MayLookAt(document.Id))
        {
            return result;
        }

        var links = await LinksAsync(resource, document.Id, cancellationToken);
        for (var helped = true; helped && result.Failure is { Kind: FailureKind.UnresolvedReference };)
        {
            helped = false;
            foreach (var member in MembersNamed(result.Refusal.Span))
            {
                // Taken out, so that there is an end to this however often the target names it.
                helped |= links.Remove(member, out var person) && await BringAsync(person, cancellationToken);
            }

            if (helped)
            {
                result = await send(resource, document, cancellationToken);
            }
        }

        return result;
    }

    private bool MayLookAt(Guid id) => id != default && Volatile.Read(ref _lookedCount) < EachMax && _looked.TryAdd(id, 0) && Interlocked.Increment(ref _lookedCount) <= EachMax;

    /// <summary>The expected persons that the source's own document links to, by the reference's name.</summary>
    private async Task<Dictionary<string, (ResourceName, Guid)>> LinksAsync(ResourceName resource, Guid id, CancellationToken cancellationToken)
    {
        var links = new Dictionary<string, (ResourceName, Guid)>(StringComparer.OrdinalIgnoreCase);
        await ReadAsync(resource, id, body =>
        {
            links.Clear();
            using var json = JsonDocument.Parse(body);
            foreach (var member in json.RootElement.EnumerateObject().Where(m => m.Value.ValueKind == JsonValueKind.Object))
            {
                if (member.Value.TryGetProperty("link", out var link) && link.ValueKind == JsonValueKind.Object
                    && link.TryGetProperty("href", out var href) && href.ValueKind == JsonValueKind.String
                    && PersonAt(href.GetString()!, source.Api.Data, persons[resource]) is { } person)
                {
                    links[member.Name] = person;
                }
            }
        }, cancellationToken);
        return links;
    }

    /// <summary>Reads <c>/ed-fi/students/{id}</c>, also after the API's own address; null for everything else that a source may say.</summary>
    internal static (ResourceName, Guid)? PersonAt(string href, Uri data, IReadOnlyList<ResourceName> expected)
    {
        var path = new[] { data.AbsoluteUri, data.AbsolutePath }.Where(b => href.StartsWith(b, StringComparison.OrdinalIgnoreCase)).Select(b => href[(b.Length - 1)..]).FirstOrDefault(href);
        foreach (var person in expected)
        {
            if (path.StartsWith(person.Path + "/", StringComparison.OrdinalIgnoreCase) && path[(person.Path.Length + 1)..] is var id
                && (Guid.TryParseExact(id, "N", out var found) || Guid.TryParseExact(id, "D", out found)))
            {
                return (person, found);
            }
        }

        return null;
    }

    private Task<bool> BringAsync((ResourceName, Guid) person, CancellationToken cancellationToken)
    {
        if (Volatile.Read(ref _personCount) >= EachMax && !_persons.ContainsKey(person))
        {
            return Task.FromResult(false);
        }

        return _persons.GetOrAdd(person, key => new Lazy<Task<bool>>(() => FetchAsync(key.Item1, key.Item2, cancellationToken))).Value;
    }

    /// <returns>Whether the target has it now.</returns>
    private async Task<bool> FetchAsync(ResourceName person, Guid id, CancellationToken cancellationToken)
    {
        Interlocked.Increment(ref _personCount);
        var tally = _tallies.GetOrAdd(person, _ => new Tally());
        byte[]? document = null;
        if (!await ReadAsync(person, id, body => document = Clean.Strip(body.Span), cancellationToken))
        {
            Interlocked.Increment(ref tally.NotHad);
            return false;
        }

        var result = await send(person, new OutgoingDocument(WriteKind.Upsert, document, 0, id), cancellationToken);
        Interlocked.Increment(ref result.Failure is not null ? ref tally.Refused : ref (result.Status == 201 ? ref tally.Created : ref tally.Updated));
        return result.Failure is null;
    }

    /// <summary>One document of the source, read by its id and by the source's profile as every other.</summary>
    private async Task<bool> ReadAsync(ResourceName resource, Guid id, Action<ReadOnlyMemory<byte>> read, CancellationToken cancellationToken)
    {
        var answer = await source.ReadAsync(
            source.AddressOf(resource, id),
            body =>
            {
                try
                {
                    read(body);
                    return null;
                }
                catch (Exception exception) when (exception is JsonException or InvalidOperationException)
                {
                    return "the answer is no JSON document";
                }
            },
            cancellationToken,
            source.AcceptOf(resource));
        using (answer.Body)
        {
            return answer.Failure is null;
        }
    }

    /// <summary>The references that a refusal says are missing, as members: by path, or by the name in a text of one of the API's versions.</summary>
    internal static HashSet<string> MembersNamed(ReadOnlySpan<byte> refusal)
    {
        var members = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        try
        {
            var reader = new Utf8JsonReader(refusal);
            while (reader.Read())
            {
                if (reader.TokenType is JsonTokenType.PropertyName && MemberPath().Match(reader.GetString()!) is { Success: true } path)
                {
                    members.Add(path.Groups[1].Value);
                }
                else if (reader.TokenType is JsonTokenType.String)
                {
                    members.UnionWith(MissingText().Matches(reader.GetString()!).Select(m => m.Groups["name"].Value + "Reference"));
                }
            }
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            // Cut off, or not JSON after all: what was found until there counts.
        }

        return members;
    }

    [GeneratedRegex("""^\$\.(\w+Reference)$""")]
    private static partial Regex MemberPath();

    /// <summary>In this order: 5.x and 6.x on 400; 7.x on 409; 5.x and 6.x on 409.</summary>
    [GeneratedRegex("""\b(?<name>\w+) reference could not be resolved|referenced '?(?<name>\w+)'? item does not exist|related '(?<name>\w+)' resource does not exist""")]
    private static partial Regex MissingText();

    private sealed class Tally
    {
        public long Created;
        public long Updated;
        public long NotHad;
        public long Refused;
    }
}
