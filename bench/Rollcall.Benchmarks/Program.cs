using System.CommandLine;
using BenchmarkDotNet.Running;
using Rollcall.Benchmarks;
using Rollcall.Benchmarks.Api;
using Rollcall.Benchmarks.Authorization;
using Rollcall.Benchmarks.Fuzz;
using Rollcall.Benchmarks.Publish;
using Rollcall.Benchmarks.Suite;
using Rollcall.Benchmarks.Sync;

// fuzz: hostile requests.  api: load on a running server.  reads: reading alone, beside an empty endpoint.  empty: the peer of GET.  suite: everything, into one page.  sync: our part of a sync.  watch: from commit to API.  authorization: lists of one district.  micro: BenchmarkDotNet.
var url = new Option<string>("--url") { Description = "Address of the API.", DefaultValueFactory = _ => "http://127.0.0.1:8001" };
var key = new Option<string>("--key") { DefaultValueFactory = _ => "sandbox" };
var secret = new Option<string>("--secret") { DefaultValueFactory = _ => "sandbox" };
var connections = new Option<int>("--connections") { DefaultValueFactory = _ => 32 };
var seconds = new Option<double>("--seconds") { Description = "Length of each measurement.", DefaultValueFactory = _ => 10 };
var warmUp = new Option<double>("--warm-up") { Description = "Seconds before each measurement.", DefaultValueFactory = _ => 4 };
var seed = new Option<int>("--seed") { DefaultValueFactory = _ => 20250901 };
var output = new Option<string?>("--out") { Description = "Markdown file for the results, for example bench/results/2025-09-01.md." };
var stores = new Option<string[]>("--stores") { Description = "Which stores.", DefaultValueFactory = _ => ["sqlite", "postgres"], AllowMultipleArgumentsPerToken = true };
var note = new Option<string?>("--note") { Description = "A sentence to put under the table, such as what else the machine was doing." };

var api = new Command("api", "Measures a running 'rollcall serve --sandbox' that is empty.") { url, key, secret, connections, seconds, warmUp, seed };
api.SetAction((parsed, _) => Guarded(async () => await ApiBenchmark.RunAsync(
    new ApiBenchmarkOptions(
        parsed.GetValue(url)!,
        parsed.GetValue(key)!,
        parsed.GetValue(secret)!,
        parsed.GetValue(connections),
        TimeSpan.FromSeconds(parsed.GetValue(warmUp)),
        TimeSpan.FromSeconds(parsed.GetValue(seconds)),
        parsed.GetValue(seed)),
    Console.WriteLine)));

var empty = new Command("empty", "Runs an endpoint that does nothing, until Ctrl-C.") { url };
empty.SetAction((parsed, _) => Guarded(() => EmptyServer.RunAsync(parsed.GetValue(url)!)));

var suite = new Command("suite", "Starts servers on both stores and measures everything that design names.") { connections, seconds, warmUp, seed, output, stores, note };
suite.SetAction((parsed, _) => Guarded(() => SuiteRun.RunAsync(new SuiteOptions(
    parsed.GetValue(stores)!,
    parsed.GetValue(connections),
    TimeSpan.FromSeconds(parsed.GetValue(warmUp)),
    TimeSpan.FromSeconds(parsed.GetValue(seconds)),
    parsed.GetValue(seed),
    parsed.GetValue(output),
    parsed.GetValue(note)))));

var rounds = new Option<int>("--rounds") { Description = "Turns of GET by id and of the empty endpoint.", DefaultValueFactory = _ => 5 };
var reads = new Command("reads", "Starts servers and measures reading alone.") { connections, seconds, warmUp, seed, output, stores, note, rounds };
reads.SetAction((parsed, _) => Guarded(async () =>
{
    var table = new ResultTable();
    var circumstances = new List<string>
    {
        Machine.Describe(),
        $"commit {Machine.Commit()}, seed {parsed.GetValue(seed)}, {parsed.GetValue(connections)} connections",
        $"server, database and load generator share the machine, whose load average before the run was {Machine.LoadAverage()}",
    };
    if (parsed.GetValue(note) is { } words)
    {
        circumstances.Add(words);
    }

    foreach (var store in parsed.GetValue(stores)!)
    {
        await ReadsRun.RunAsync(
            store, parsed.GetValue(connections), parsed.GetValue(rounds), TimeSpan.FromSeconds(parsed.GetValue(warmUp)), TimeSpan.FromSeconds(parsed.GetValue(seconds)), parsed.GetValue(seed), table);
    }

    if (parsed.GetValue(output) is { } file)
    {
        await File.WriteAllTextAsync(file, table.ToMarkdown(circumstances));
    }
}));

var folder = new Option<string>("--folder") { Description = "Folder for source and ledger; kept. Run again: the first run posts everything, later ones find it unchanged.", Required = true };
var documents = new Option<int>("--documents") { Description = "Of a new folder.", DefaultValueFactory = _ => 1_000_000 };
var ledgerAt = new Option<string?>("--ledger") { Description = "Connection string of an empty PostgreSQL database; by default the ledger is a file. Said when the folder is made." };
var changedPart = new Option<double>("--changed") { Description = "Changes this percentage of the rows before a run that is not the first." };
var noIntents = new Option<bool>("--without-intents") { Description = "The unsafe control: what a first load costs without the intents." };
var sync = new Command("sync", "Measures a sync against an API that answers at once.") { folder, documents, ledgerAt, changedPart, noIntents };
sync.SetAction((parsed, _) => Guarded(() => SyncBenchmark.RunAsync(
    parsed.GetValue(folder)!, parsed.GetValue(documents), parsed.GetValue(ledgerAt), parsed.GetValue(changedPart), parsed.GetValue(noIntents), Console.WriteLine)));

var latency = new Option<int>("--latency") { Description = "Milliseconds before each answer." };
var pupils = new Option<int>("--pupils") { Description = "Five documents each.", DefaultValueFactory = _ => 20_000 };
var perSecond = new Option<int>("--rate") { Description = "Changes per second.", DefaultValueFactory = _ => 100 };
var inPostgres = new Option<bool>("--ledger-in-postgres");
var watch = new Command("watch", "Measures from a commit in PostgreSQL (ROLLCALL_TEST_POSTGRES, wal_level = logical) to an API that answers at once.") { pupils, perSecond, seconds, latency, inPostgres };
watch.SetAction((parsed, _) => Guarded(() => WatchBenchmark.RunAsync(
    parsed.GetValue(pupils), parsed.GetValue(perSecond), TimeSpan.FromSeconds(parsed.GetValue(seconds)), parsed.GetValue(latency), parsed.GetValue(inPostgres), Console.WriteLine)));

var copies = new Option<int>("--documents") { DefaultValueFactory = _ => 100_000 };
var turns = new Option<int>("--rounds") { DefaultValueFactory = _ => 3 };
var alone = new Option<bool>("--alone") { Description = "Without the bare copy client: for the memory of long runs." };
var fixedPosts = new Option<int?>("--fixed") { Description = "With so many requests in flight for each of five resources, beside what these could carry; needs --latency." };
var variables = new Option<string[]>("--variable") { Description = "NAME=VALUE in the environment of publish alone, for example DOTNET_TieredPGO=0.", DefaultValueFactory = _ => [], AllowMultipleArgumentsPerToken = true };
var publish = new Command("publish", "Publishes between two APIs that answer at once, beside a bare copy client.") { copies, latency, turns, alone, fixedPosts, variables };
publish.SetAction((parsed, _) => Guarded(() => parsed.GetValue(fixedPosts) is not null && parsed.GetValue(latency) == 0
    ? throw new BenchmarkException("--fixed needs --latency.")
    : PublishBenchmark.RunAsync(parsed.GetValue(copies), parsed.GetValue(latency), parsed.GetValue(turns), parsed.GetValue(alone), parsed.GetValue(fixedPosts), parsed.GetValue(variables)!, Console.WriteLine)));
var stub = new Command("publish-stub", "Runs an Ed-Fi API that answers at once, until Ctrl-C.") { url, copies, latency };
stub.SetAction((parsed, _) => Guarded(() => InstantEdFi.RunAsync(parsed.GetValue(url)!, parsed.GetValue(copies), parsed.GetValue(latency))));
var copyTo = new Option<string>("--target") { Required = true };
var inFlight = new Option<int>("--in-flight") { DefaultValueFactory = _ => 64 };
var bare = new Command("bare-copy", "Copies such an API to another, so many requests in flight.") { url, copyTo, inFlight };
bare.SetAction((parsed, _) => Guarded(() => BareCopy.RunAsync(parsed.GetValue(url)!, parsed.GetValue(copyTo)!, parsed.GetValue(inFlight))));

var minutes = new Option<double>("--minutes") { Description = "Length of the run on each store.", DefaultValueFactory = _ => 10 };
var fuzz = new Command("fuzz", "Sends hostile requests to a server on each store: never a 500, never silence, memory within bounds.") { minutes, connections, seed, stores };
fuzz.SetAction((parsed, _) => Guarded(async () =>
{
    foreach (var store in parsed.GetValue(stores)!)
    {
        await FuzzRun.RunAsync(store, TimeSpan.FromMinutes(parsed.GetValue(minutes)), parsed.GetValue(connections), parsed.GetValue(seed), Console.WriteLine);
    }
}));

var events = new Option<int>("--documents") { DefaultValueFactory = _ => 1_000_000 };
var repeats = new Option<int>("--rounds") { DefaultValueFactory = _ => 9 };
var authorization = new Command("authorization", "Measures lists of a client that sees one district, beside those of one that sees everything.") { events, repeats, stores, output, note };
authorization.SetAction((parsed, _) => Guarded(async () =>
{
    var table = new ResultTable();
    foreach (var store in parsed.GetValue(stores)!)
    {
        await new AuthorizationBenchmark(parsed.GetValue(events), parsed.GetValue(repeats), table).RunAsync(store);
    }

    if (parsed.GetValue(output) is { } file)
    {
        await File.WriteAllTextAsync(file, table.ToMarkdown(
            [Machine.Describe(), $"commit {Machine.Commit()}, {parsed.GetValue(events)} documents, medians of {parsed.GetValue(repeats)}", $"load average before the run {Machine.LoadAverage()}", .. parsed.GetValue(note) is { } words ? [words] : Array.Empty<string>()]));
    }
}));

var micro = new Command("micro", "Runs the micro-benchmarks; what follows is BenchmarkDotNet's.") { TreatUnmatchedTokensAsErrors = false };
micro.SetAction(parsed =>
{
    _ = BenchmarkSwitcher.FromAssembly(typeof(ApiBenchmark).Assembly).Run([.. parsed.UnmatchedTokens]);
    return 0;
});

return await new RootCommand("Rollcall's benchmarks. Figures come from measurement only; a request that fails ends the run.") { api, empty, suite, reads, sync, watch, publish, stub, bare, fuzz, authorization, micro }
    .Parse(args).InvokeAsync();

static async Task<int> Guarded(Func<Task> run)
{
    try
    {
        await run();
        return 0;
    }
    catch (Exception failure) when (failure is BenchmarkException or Npgsql.NpgsqlException)
    {
        await Console.Error.WriteLineAsync(failure.Message);
        return 1;
    }
}
