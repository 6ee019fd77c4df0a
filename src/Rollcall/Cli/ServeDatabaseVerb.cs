using System.CommandLine;
using Microsoft.Extensions.Logging.Abstractions;
using Rollcall.Databases;
using Rollcall.Serve;
using Rollcall.Serve.Storage;
using Rollcall.Standard.Model;

namespace Rollcall.Cli;

/// <summary>What the sub-verbs of <c>serve</c> share: they open its database, beside a server that may be running, and say why when they can't.</summary>
internal static class ServeDatabaseVerb
{
    /// <param name="choose">Which database the settings mean, where there are several.</param>
    /// <param name="makesDatabase">A SQLite file that is not there is made, and that is said; else it is refused.</param>
    public static Command OnDatabase(
        this Command command, Func<ServeOptions, ServeOptions> choose, Func<ServeStores, DataStandard, ParseResult, CancellationToken, Task<int>> run, bool makesDatabase = false)
    {
        var settings = new ServeSettings();
        settings.AddDatabaseTo(command);
        return command.OnRun(async (parsed, cancellationToken) =>
        {
            var options = choose(settings.Read(parsed));
            if (!options.IsPostgres && !File.Exists(options.Database))
            {
                if (!makesDatabase)
                {
                    throw new CliException(ExitCodes.Usage, $"there is no database {options.Database}; --database names it.");
                }

                await Console.Error.WriteLineAsync($"New database: {Path.GetFullPath(options.Database)}");
            }

            try
            {
                var standard = ServeHost.LoadModel(options);
                await using var stores = await ServeStores.OpenAsync(options, standard, TimeProvider.System, NullLogger.Instance, cancellationToken);
                return await run(stores, standard, parsed, cancellationToken);
            }
            catch (ServeStartException failure)
            {
                throw ServeVerb.ToCli(failure);
            }
            catch (DatabaseUnusableException failure)
            {
                throw new CliException(ExitCodes.Usage, failure.Message, failure);
            }
            catch (StoreUnavailableException failure)
            {
                throw new CliException(ExitCodes.Unavailable, failure.Message, failure);
            }
        });
    }
}
