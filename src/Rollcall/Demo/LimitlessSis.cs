using System.Data.Common;
using System.Globalization;
using System.Reflection;
using Microsoft.Data.Sqlite;

namespace Rollcall.Demo;

/// <summary>Limitless SIS, the sample student information system: makes one of any size, and lets days pass in it.</summary>
/// <remarks>The schema and the mapping folder are <c>samples/limitless-sis</c>, carried as resources so that a demo needs no checkout.</remarks>
public static class LimitlessSis
{
    public const int StudentsDefault = 1000;
    public const int StudentsMax = 500_000;
    public const int SeedDefault = 2027;
    private const string ResourcePrefix = "limitless-sis/";

    /// <summary>The schema, one text for SQLite and PostgreSQL.</summary>
    public static string Schema { get; } = ReadResource("schema.sql");

    /// <summary>Makes a SIS in a new SQLite file; the file appears when it is complete.</summary>
    /// <exception cref="IOException">There is something at <paramref name="path"/> already.</exception>
    public static async Task CreateAsync(string path, int students, int seed, CancellationToken cancellationToken = default)
    {
        if (Path.Exists(path))
        {
            throw new IOException($"{path} exists already.");
        }

        var partial = path + ".partial";
        File.Delete(partial);
        try
        {
            // Nothing is lost when this file is: no journal, no waiting for the disk.
            await using (var connection = OpenSqlite(partial, SqliteOpenMode.ReadWriteCreate))
            {
                await connection.OpenAsync(cancellationToken);
                await ExecuteAsync(connection, null, "pragma journal_mode = off; pragma synchronous = off", cancellationToken);
                await CreateAsync(connection, students, seed, cancellationToken);
            }

            File.Move(partial, path);
        }
        finally
        {
            File.Delete(partial);
        }
    }

    /// <summary>Makes a SIS in an empty database, SQLite or PostgreSQL, through an open connection and in one transaction.</summary>
    public static async Task CreateAsync(DbConnection connection, int students, int seed, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(students, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(students, StudentsMax);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        await ExecuteAsync(connection, transaction, Schema, cancellationToken);
        var writer = new LimitlessSisWriter(connection, transaction);
        writer.Add("sis_setting", "seed", seed.ToString(CultureInfo.InvariantCulture));
        writer.Add("sis_setting", "students", students.ToString(CultureInfo.InvariantCulture));
        writer.Add("sis_setting", "day", "0");
        await new LimitlessSisGenerator(writer, seed).WriteAsync(students, cancellationToken);
        await transaction.CommitAsync(cancellationToken);
    }

    /// <summary>Lets one day pass: changes the data as the registrars and teachers of that day do, in one transaction.</summary>
    /// <param name="day">1 for the first; must be later than the last day applied.</param>
    /// <param name="kinds">What may happen; <see cref="SisChangeKinds.Default"/> when null.</param>
    /// <returns>What a correct sync has to send because of it, neither more nor less.</returns>
    /// <exception cref="ArgumentOutOfRangeException">There is no such day: they end with the fall term.</exception>
    /// <exception cref="InvalidOperationException">The day has passed already.</exception>
    /// <exception cref="InvalidDataException">The database is no Limitless SIS.</exception>
    public static Task<DayOfChanges> ApplyDayAsync(
        DbConnection connection, int day, IReadOnlySet<SisChangeKind>? kinds = null, CancellationToken cancellationToken = default) =>
        LimitlessSisDay.ApplyAsync(connection, day, kinds ?? SisChangeKinds.Default, cancellationToken);

    /// <summary>Writes the mapping folder of the sample to <paramref name="folder"/>, over files that are there.</summary>
    public static async Task WriteMappingAsync(string folder, CancellationToken cancellationToken = default)
    {
        const string prefix = "mapping/";
        foreach (var name in ResourceNames().Where(n => n.StartsWith(prefix, StringComparison.Ordinal)))
        {
            var file = Path.Combine(folder, Path.Combine(name[prefix.Length..].Split('/')));
            Directory.CreateDirectory(Path.GetDirectoryName(file)!);
            await File.WriteAllTextAsync(file, ReadResource(name), cancellationToken);
        }
    }

    /// <summary>A closed connection to a SQLite file that leaves no pool behind to keep the file open.</summary>
    internal static SqliteConnection OpenSqlite(string path, SqliteOpenMode mode) =>
        new(new SqliteConnectionStringBuilder { DataSource = path, Mode = mode, Pooling = false }.ToString());

    internal static async Task ExecuteAsync(
        DbConnection connection, DbTransaction? transaction, string sql, CancellationToken cancellationToken)
    {
        await using var command = connection.CreateCommand();
        command.Transaction = transaction;
        command.CommandText = sql;
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private static IEnumerable<string> ResourceNames() => Assembly.GetExecutingAssembly().GetManifestResourceNames()
        .Where(n => n.StartsWith(ResourcePrefix, StringComparison.Ordinal)).Select(n => n[ResourcePrefix.Length..]);

    private static string ReadResource(string name)
    {
        using var stream = Assembly.GetExecutingAssembly().GetManifestResourceStream(ResourcePrefix + name)
            ?? throw new InvalidOperationException($"The resource {name} is not built in.");
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}
