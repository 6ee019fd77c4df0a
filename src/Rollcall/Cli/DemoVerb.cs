using System.CommandLine;
using System.Globalization;
using Rollcall.Demo;
using Rollcall.Exchange.Client;
using Rollcall.Exchange.Ledger;
using Rollcall.Exchange.Sync.Mapping;
using Rollcall.Exchange.Sync.Sources;

namespace Rollcall.Cli;

/// <summary><c>rollcall demo</c>: all of Rollcall on one machine, on embedded stores.</summary>
internal static class DemoVerb
{
    public static Command Create()
    {
        var once = new Option<bool>("--once") { Description = "End when everything is shown, instead of leaving the APIs up until Ctrl-C." };
        var students = new Option<int>("--students") { Description = "How many pupils the sample has.", DefaultValueFactory = _ => LimitlessSis.StudentsDefault };
        var port = new Option<int>("--port") { Description = "Port of the first API; the second takes the next. 0 takes any free ones.", DefaultValueFactory = _ => 7000 };
        var data = new Option<string?>("--data") { Description = "Folder for the demo's files, kept afterwards. Without it they are in a temporary folder that goes with the demo.", HelpName = "DIR" };
        Between(students, 1, LimitlessSis.StudentsMax);
        Between(port, 0, 65534);
        return new Command("demo", "Shows all of Rollcall on this machine: an API, a SIS synced to it, a day of changes, a second API that gets a copy.")
        {
            once, students, port, data, DemoSisVerbs.CreateMakeSis(), DemoSisVerbs.CreateChangeSis(),
        }.WithExamples("""
            rollcall demo
            rollcall demo --once
            rollcall demo --students 20000 --data ./demo
            """).OnRun((parsed, cancellationToken) => RunAsync(
                parsed.GetValue(once), parsed.GetValue(students), parsed.GetValue(port), parsed.GetValue(data), cancellationToken));
    }

    private static async Task<int> RunAsync(bool once, int students, int port, string? data, CancellationToken cancellationToken)
    {
        var folder = Prepare(data);
        try
        {
            var story = new DemoStory(Console.Out, !Console.IsOutputRedirected);
            var options = new DemoOptions(once, students, port, folder);
            story.Begin(options);
            await using var demo = new DemoRun(options, story, TimeProvider.System);
            var isRight = await demo.RunAsync(cancellationToken);
            if (!once)
            {
                await Task.Delay(Timeout.Infinite, cancellationToken).ContinueWith(_ => { }, TaskScheduler.Default);
            }

            return isRight ? ExitCodes.Done : ExitCodes.Refusals;
        }
        catch (ApiException failure)
        {
            throw new CliException(ExitCodes.Unavailable, failure.Message, failure);
        }
        catch (Exception failure) when (failure is MappingException or SisException or LedgerException)
        {
            throw new CliException(ExitCodes.Usage, failure.Message, failure);
        }
        finally
        {
            if (data is null)
            {
                Directory.Delete(folder, recursive: true);
            }
        }
    }

    /// <summary>The folder, empty.</summary>
    private static string Prepare(string? data)
    {
        if (data is null)
        {
            return Directory.CreateTempSubdirectory("rollcall-demo-").FullName;
        }

        try
        {
            var folder = Directory.CreateDirectory(data);
            return folder.EnumerateFileSystemInfos().Any()
                ? throw new CliException(ExitCodes.Usage, $"{folder.FullName} is not empty. Name a new folder, or remove what is in it.")
                : folder.FullName;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new CliException(ExitCodes.Usage, $"--data: {failure.Message}", failure);
        }
    }

    private static void Between(Option<int> option, int least, int most) => option.Validators.Add(result =>
    {
        if (result.Tokens is [var token] && int.TryParse(token.Value, CultureInfo.InvariantCulture, out var value) && (value < least || value > most))
        {
            result.AddError($"{option.Name} must be from {least} to {most}.");
        }
    });
}
