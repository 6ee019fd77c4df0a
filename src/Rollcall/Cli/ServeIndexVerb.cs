using System.CommandLine;
using System.Text.Json;
using Rollcall.Cli.Handbook;
using Rollcall.Serve;
using Rollcall.Serve.Storage;
using Rollcall.Standard.Model;

namespace Rollcall.Cli;

/// <summary><c>rollcall serve index</c>: indexes for queries by one field, in the API's database; servers may be running meanwhile.</summary>
internal static class ServeIndexVerb
{
    private const int SuggestionsMax = 3;

    public static Command Create() => new Command("index", "Adds, lists and removes indexes for queries by one field.") { Add(), List(), Remove() };

    private static Command Add()
    {
        var field = Field();
        return Over(
            new Command("add", "Makes an index, so that queries by this field no longer read the whole table. PostgreSQL builds it while reads and writes go on.") { field },
            async (indexes, standard, parsed, cancellationToken) =>
            {
                var (resource, wanted) = Find(standard, parsed.GetValue(field)!);
                try
                {
                    return await SayAsync(await indexes.AddAsync(resource, wanted, cancellationToken), $"{resource.Name}.{wanted.Name}", "has an index now", "has an index already");
                }
                catch (StoreUnavailableException failure)
                {
                    throw new CliException(ExitCodes.Unavailable, $"{failure.Message} 'rollcall serve index add' begins anew.", failure);
                }
            }).WithExamples("""
            rollcall serve index add students.lastSurname --database district.db
            rollcall serve index add ed-fi/staffs.loginId --database '${env:EDFI_DATABASE}'
            """);
    }

    private static Command Remove()
    {
        var field = Field();
        return Over(new Command("remove", "Removes an index that 'serve index add' made.") { field }, async (indexes, standard, parsed, cancellationToken) =>
        {
            var (resource, wanted) = Find(standard, parsed.GetValue(field)!);
            return await SayAsync(await indexes.RemoveAsync(resource, wanted, cancellationToken), $"{resource.Name}.{wanted.Name}", "has no index any more", "has no index");
        });
    }

    private static Command List()
    {
        var asJson = new Option<bool>("--json") { Description = "Prints the result as one JSON value." };
        return Over(new Command("list", "Lists the indexes that were added, with their state: ready, building or broken off.") { asJson }, async (indexes, _, parsed, cancellationToken) =>
        {
            var all = await indexes.ListAsync(cancellationToken);
            if (!parsed.GetValue(asJson))
            {
                foreach (var index in all)
                {
                    await Console.Out.WriteLineAsync($"{index.Resource.Name}.{index.Field.Name}\t{StateOf(index)}");
                }

                return ExitCodes.Done;
            }

            using var buffer = new MemoryStream();
            await using (var json = new Utf8JsonWriter(buffer))
            {
                json.WriteStartArray();
                foreach (var index in all)
                {
                    json.WriteStartObject();
                    json.WriteString("resource", index.Resource.Name.ToString());
                    json.WriteString("field", index.Field.Name);
                    json.WriteString("state", StateOf(index));
                    json.WriteEndObject();
                }

                json.WriteEndArray();
            }

            await Console.Out.WriteLineAsync(System.Text.Encoding.UTF8.GetString(buffer.ToArray()));
            return ExitCodes.Done;
        });
    }

    private static string StateOf(FieldIndex index) => index.State switch
    {
        FieldIndexState.Ready => "ready",
        FieldIndexState.Building => "building",
        FieldIndexState.BrokenOff => "broken off",
        _ => throw new InvalidOperationException($"State {index.State} has no name."),
    };

    private static Argument<string> Field() => new("RESOURCE.FIELD") { Description = "A query field of a resource: students.lastSurname, or ed-fi/students.lastSurname." };

    /// <exception cref="CliException">There is no such field; the message names the nearest.</exception>
    private static (ResourceModel Resource, QueryField Field) Find(DataStandard standard, string asked)
    {
        var dot = asked.LastIndexOf('.');
        if (dot <= 0 || dot == asked.Length - 1)
        {
            throw new CliException(ExitCodes.Usage, $"'{asked}' is no RESOURCE.FIELD, such as students.lastSurname.");
        }

        var resource = HandbookIndex.Find(standard, asked[..dot]);
        if (resource.IsDescriptor)
        {
            throw new CliException(ExitCodes.Usage, $"{resource.Name}: descriptors take no index of their own; all of them share one small table, in which they are found by key.");
        }

        var name = asked[(dot + 1)..];
        if (resource.FindQueryField(name) is { } field)
        {
            return (resource, field);
        }

        var near = Nearest.To(name, resource.QueryFields.Select(f => f.Name));
        var containing = resource.QueryFields.Select(f => f.Name).Where(f => name.Length >= 4 && f.Contains(name, StringComparison.OrdinalIgnoreCase)).OrderBy(f => f.Length);
        throw new CliException(
            ExitCodes.Usage,
            $"{resource.Name} has no query field '{name}'.{Nearest.Question(near.Concat(containing).Distinct(StringComparer.Ordinal).Take(SuggestionsMax))} 'rollcall model show {resource.Name}' names its members.");
    }

    private static async Task<int> SayAsync(FieldIndexChange change, string field, string done, string nothing)
    {
        if (change == FieldIndexChange.Busy)
        {
            throw new CliException(ExitCodes.Unavailable, "another process is making or removing an index of this database; try again when 'serve index list' shows none that is building.");
        }

        await Console.Out.WriteLineAsync($"{field} {(change == FieldIndexChange.Done ? done : nothing)}");
        return change == FieldIndexChange.Done ? ExitCodes.Done : ExitCodes.NothingToDo;
    }

    private static Command Over(Command command, Func<IFieldIndexes, DataStandard, ParseResult, CancellationToken, Task<int>> run) => command.OnDatabase(
        One, (stores, standard, parsed, cancellationToken) => run(stores.Indexes!, standard, parsed, cancellationToken));

    private static ServeOptions One(ServeOptions options) => options.Tenants.Count == 0
        ? options
        : throw new CliException(
            ExitCodes.Usage, "the file of --config has instances: name the database of the one that needs the index with --database, and leave --config away.");
}
