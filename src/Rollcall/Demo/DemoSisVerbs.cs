using System.Buffers;
using System.CommandLine;
using System.Data.Common;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Microsoft.Data.Sqlite;
using Npgsql;
using Rollcall.Cli;

namespace Rollcall.Demo;

/// <summary><c>rollcall demo make-sis</c> and <c>change-sis</c>: the sample SIS by hand, for those who want to see its tables or sync it themselves.</summary>
internal static class DemoSisVerbs
{
    private const int NotADatabase = 26;
    private const string DatabaseHelp = "A SQLite file, or a PostgreSQL connection string such as \"Host=localhost;Database=sis\".";

    public static Command CreateMakeSis()
    {
        var database = new Argument<string>("PATH") { Description = DatabaseHelp };
        var students = new Option<int>("--students")
        {
            Description = "How many pupils.",
            DefaultValueFactory = _ => LimitlessSis.StudentsDefault,
        };
        var seed = new Option<int>("--seed")
        {
            Description = "Names the data set: the same number makes the same pupils, everywhere.",
            DefaultValueFactory = _ => LimitlessSis.SeedDefault,
        };
        var mapping = new Option<string?>("--mapping") { Description = "Also write the mapping folder that syncs it, here." };
        var json = new Option<bool>("--json") { Description = "Print one JSON result." };
        students.Validators.Add(result =>
        {
            if (result.Tokens is [var token] && int.TryParse(token.Value, CultureInfo.InvariantCulture, out var value) && (value < 1 || value > LimitlessSis.StudentsMax))
            {
                result.AddError($"--students must be from 1 to {LimitlessSis.StudentsMax}.");
            }
        });
        return new Command("make-sis", "Makes the sample student information system, Limitless SIS, in a new SQLite file or an empty PostgreSQL database.")
        {
            database, students, seed, mapping, json,
        }.WithExamples("""
            rollcall demo make-sis limitless.db
            rollcall demo make-sis big.db --students 100000 --mapping ./limitless
            """).OnRun((parsed, token) => MakeAsync(
                parsed.GetRequiredValue(database), parsed.GetValue(students), parsed.GetValue(seed), parsed.GetValue(mapping),
                parsed.GetValue(json), parsed.InvocationConfiguration.Output, token));
    }

    public static Command CreateChangeSis()
    {
        var database = new Argument<string>("PATH") { Description = DatabaseHelp };
        var day = new Option<int>("--day") { Description = "Which day passes: 1, then 2, and so on.", Required = true };
        var keyChanges = new Option<bool>("--key-changes")
        {
            Description = "Also correct entry dates, which changes natural keys in place; the target must support that.",
        };
        var json = new Option<bool>("--json") { Description = "Print one JSON result." };
        day.Validators.Add(result =>
        {
            if (result.Tokens is [var token] && int.TryParse(token.Value, CultureInfo.InvariantCulture, out var value) && (value < 1 || value > LimitlessSisDay.DayMax))
            {
                result.AddError($"--day must be from 1 to {LimitlessSisDay.DayMax}.");
            }
        });
        return new Command("change-sis", "Lets a day pass in a sample SIS, and says what a correct sync has to send because of it.")
        {
            database, day, keyChanges, json,
        }.WithExamples("""
            rollcall demo change-sis limitless.db --day 1
            rollcall demo change-sis limitless.db --day 2 --key-changes --json
            """).OnRun((parsed, token) => ChangeAsync(
                parsed.GetRequiredValue(database), parsed.GetValue(day), parsed.GetValue(keyChanges), parsed.GetValue(json),
                parsed.InvocationConfiguration.Output, token));
    }

    private static async Task<int> MakeAsync(
        string database, int students, int seed, string? mapping, bool json, TextWriter output, CancellationToken cancellationToken)
    {
        try
        {
            if (IsPostgres(database))
            {
                await using var connection = await OpenAsync(database, cancellationToken);
                await LimitlessSis.CreateAsync(connection, students, seed, cancellationToken);
            }
            else
            {
                await LimitlessSis.CreateAsync(database, students, seed, cancellationToken);
            }

            if (mapping is not null)
            {
                await LimitlessSis.WriteMappingAsync(mapping, cancellationToken);
            }
        }
        catch (PostgresException fault) when (fault.SqlState == PostgresErrorCodes.DuplicateTable)
        {
            throw new CliException(ExitCodes.Usage, "the database has tables of the same names already; give an empty one. Nothing was changed.", fault);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new CliException(ExitCodes.Usage, fault.Message, fault);
        }
        catch (DbException fault)
        {
            throw new CliException(ExitCodes.Unavailable, $"the database does not let us: {fault.Message}", fault);
        }

        if (json)
        {
            WriteJson(output, writer =>
            {
                writer.WriteString("outcome", "done");
                writer.WriteNumber("students", students);
                writer.WriteNumber("seed", seed);
            });
        }
        else
        {
            output.WriteLine($"Limitless SIS with {students} pupils (seed {seed}) is ready.");
        }

        return ExitCodes.Done;
    }

    private static async Task<int> ChangeAsync(
        string database, int day, bool keyChanges, bool json, TextWriter output, CancellationToken cancellationToken)
    {
        DayOfChanges changes;
        try
        {
            await using var connection = await OpenAsync(database, cancellationToken);
            changes = await LimitlessSis.ApplyDayAsync(
                connection, day, keyChanges ? SisChangeKinds.All : SisChangeKinds.Default, cancellationToken);
        }
        catch (Exception fault) when (fault is InvalidOperationException or InvalidDataException)
        {
            throw new CliException(ExitCodes.Usage, fault.Message, fault);
        }
        catch (SqliteException fault) when (fault.SqliteErrorCode == NotADatabase)
        {
            throw new CliException(ExitCodes.Usage, $"{database} is not a database.", fault);
        }
        catch (DbException fault)
        {
            throw new CliException(ExitCodes.Unavailable, $"the database does not let us: {fault.Message}", fault);
        }

        if (json)
        {
            WriteJson(output, writer => WriteChanges(writer, changes));
        }
        else
        {
            PrintChanges(output, changes);
        }

        return ExitCodes.Done;
    }

    private static bool IsPostgres(string database) =>
        database.Contains('=', StringComparison.Ordinal) && !Path.Exists(database);

    private static async Task<DbConnection> OpenAsync(string database, CancellationToken cancellationToken)
    {
        if (!IsPostgres(database) && !File.Exists(database))
        {
            throw new CliException(ExitCodes.Usage, $"there is no file {database}. Make one with: rollcall demo make-sis {database}");
        }

        DbConnection? connection = null;
        try
        {
            connection = IsPostgres(database)
                ? new NpgsqlConnection(database)
                : LimitlessSis.OpenSqlite(database, SqliteOpenMode.ReadWrite);
            await connection.OpenAsync(cancellationToken);
            return connection;
        }
        catch (Exception fault) when (fault is DbException or ArgumentException)
        {
            if (connection is not null)
            {
                await connection.DisposeAsync();
            }

            throw fault is ArgumentException
                ? new CliException(ExitCodes.Usage, $"this is no connection string: {fault.Message}", fault)
                : new CliException(ExitCodes.Unavailable, $"cannot open the database: {fault.Message}", fault);
        }
    }

    private static void PrintChanges(TextWriter output, DayOfChanges changes)
    {
        var date = changes.Date.ToString("dddd, d MMMM yyyy", CultureInfo.InvariantCulture);
        output.WriteLine($"Day {changes.Day}, {date}. A sync has to send {changes.Requests} requests:");
        foreach (var resource in changes.Resources)
        {
            output.WriteLine(
                $"  {resource.Resource,-42} {resource.Created,5} new {resource.Updated,5} changed {resource.KeyChanged,5} key changes {resource.Deleted,5} deleted");
        }
    }

    private static void WriteChanges(Utf8JsonWriter writer, DayOfChanges changes)
    {
        writer.WriteString("outcome", "done");
        writer.WriteNumber("day", changes.Day);
        writer.WriteString("date", changes.Date.ToString("O", CultureInfo.InvariantCulture));
        writer.WriteNumber("requests", changes.Requests);
        writer.WriteStartObject("resources");
        foreach (var resource in changes.Resources)
        {
            writer.WriteStartObject(resource.Resource);
            writer.WriteNumber("created", resource.Created);
            writer.WriteNumber("updated", resource.Updated);
            writer.WriteNumber("keyChanged", resource.KeyChanged);
            writer.WriteNumber("deleted", resource.Deleted);
            writer.WriteEndObject();
        }

        writer.WriteEndObject();
    }

    private static void WriteJson(TextWriter output, Action<Utf8JsonWriter> write)
    {
        var json = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(json))
        {
            writer.WriteStartObject();
            write(writer);
            writer.WriteEndObject();
        }

        output.WriteLine(Encoding.UTF8.GetString(json.WrittenSpan));
    }
}
