using System.Globalization;
using Microsoft.Data.Sqlite;
using Rollcall.Exchange.Client;
using Rollcall.Exchange.Sync;
using Rollcall.Exchange.Sync.Mapping;
using Rollcall.Standard.Loading;

namespace Rollcall.Tests.Exchange.Sync;

/// <summary>A mapping folder, a SIS and an API for one test, in a temporary folder.</summary>
internal sealed class SyncBench : IDisposable
{
    public SyncBench()
    {
        Directory.CreateDirectory(Path.Combine(Folder, "resources"));
        Directory.CreateDirectory(Path.Combine(Folder, "crosswalks"));
        Write("profile.yaml", Profile());
        Api.Seed("schools", """{"schoolId":1}""");
        Api.Seed("schools", """{"schoolId":2}""");
        Api.Seed("sessions", """{"schoolReference":{"schoolId":1},"schoolYearTypeReference":{"schoolYear":2027},"sessionName":"Fall"}""");
        Sql("""
            create table pupil(id integer primary key, number text, first text, last text, born text);
            create table stint(id integer primary key, pupil integer, school integer, entry text, grade text);
            create table absence(id integer primary key, pupil integer, day text, code text);
            """);
    }

    public string Folder { get; } = Directory.CreateTempSubdirectory("rollcall-sync-").FullName;

    public string Database => Path.Combine(Folder, "sis.db");

    public FakeApi Api { get; } = new();

    /// <summary>In place of a file in the folder: a PostgreSQL connection string.</summary>
    public string? LedgerSetting { get; init; }

    public string LedgerPlace => LedgerSetting ?? Path.Combine(Folder, "ledger.db");

    public ManualClock Clock { get; } = new();

    public static string Profile(string more = "") => $$"""
        profile: test
        source:
          provider: sqlite
          connection: ${file:source}
          parameters: { year: 2027 }
        target: { url: "http://fake", key: k, secret: s }
        {{more}}
        """;

    public const string Students = """
        select id as "@source_key", number as "studentUniqueId", first as "firstName", last as "lastSurname", born as "birthDate" from pupil
        """;

    public const string Enrolments = """
        -- key-change: auto
        select s.id as "@source_key", 'S' || s.school as "@scope", p.number as "studentUniqueId", s.school as "schoolReference.schoolId", s.entry as "entryDate",
               s.grade as "entryGradeLevelDescriptor"
        from stint s join pupil p on p.id = s.pupil
        """;

    public const string Absences = """
        select a.id as "@source_key", p.number as "studentUniqueId", 1 as "schoolId", :year as "schoolYear", 'Fall' as "sessionName", a.day as "eventDate",
               a.code as "attendanceEventCategoryDescriptor"
        from absence a join pupil p on p.id = a.pupil
        """;

    public const string Grades = """
        local_code,descriptor
        9,uri://ed-fi.org/GradeLevelDescriptor#Ninth grade
        10,uri://ed-fi.org/GradeLevelDescriptor#Tenth grade
        """;

    public const string Categories = """
        local_code,descriptor
        UA,uri://ed-fi.org/AttendanceEventCategoryDescriptor#Unexcused Absence
        EA,uri://ed-fi.org/AttendanceEventCategoryDescriptor#Excused Absence
        T,uri://ed-fi.org/AttendanceEventCategoryDescriptor#Tardy
        """;

    /// <summary>Students, their enrolments and absences, with everything that these need.</summary>
    public SyncBench WithUsualMapping()
    {
        Write("resources/students.sql", Students);
        Write("resources/studentSchoolAssociations.sql", Enrolments);
        Write("resources/studentSchoolAttendanceEvents.sql", Absences);
        Write("crosswalks/gradeLevelDescriptor.csv", Grades);
        Write("crosswalks/attendanceEventCategoryDescriptor.csv", Categories);
        return this;
    }

    public void Write(string file, string text)
    {
        var path = Path.Combine(Folder, file);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, text);
    }

    public void Sql(string sql)
    {
        using var connection = new SqliteConnection($"Data Source={Database};Pooling=false");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = "pragma synchronous=off;" + sql;
        command.ExecuteNonQuery();
        Write("source", Database);
    }

    /// <summary>Meddles with the ledger.</summary>
    public void Ledger(string sql) => Ledger(connection =>
    {
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    });

    public void Ledger(Action<SqliteConnection> meddle)
    {
        if (File.Exists(Path.Combine(Folder, "ledger.db")))
        {
            using var connection = new SqliteConnection($"Data Source={Path.Combine(Folder, "ledger.db")};Pooling=false");
            connection.Open();
            meddle(connection);
        }
    }

    /// <summary>Pupils 1 to <paramref name="count"/>, each enrolled at school 1.</summary>
    public void Pupils(int count)
    {
        Sql(string.Create(CultureInfo.InvariantCulture, $"""
            with recursive n(i) as (select 1 union all select i + 1 from n where i < {count})
            insert into pupil select i, 'N' || i, 'First' || i, 'Last' || i, '2010-01-02' from n;
            insert into stint select id, id, 1, '2026-08-31', '9' from pupil where id <= {count};
            """));
    }

    public MappingFolder Read(ProfileOverrides? overrides = null) => MappingFolder.Read(Folder, CompactModelReader.EdFi52, overrides ?? new ProfileOverrides { LedgerPath = LedgerSetting });

    public Task<SyncReport> RunAsync(SyncOptions? options = null, CancellationToken cancellationToken = default) =>
        new SyncRun(Read(), CompactModelReader.EdFi52, With(options ?? new SyncOptions())).RunAsync(cancellationToken);

    public SyncOptions With(SyncOptions options) => options with
    {
        Time = Clock,
        Client = new ClientOptions { Handler = () => new Keep(Api), ConnectionsMax = 8, Retry = new RetryPolicy { RetriesMax = 1, StartingDelay = TimeSpan.FromMilliseconds(1) } },
    };

    public SyncResourceReport Of(SyncReport report, string endpoint) => report.Resources.Single(r => r.Resource.Endpoint == endpoint);

    public void Dispose()
    {
        SqliteConnection.ClearAllPools();
        Directory.Delete(Folder, true);
    }

    /// <summary>The client disposes its handler; the API outlives many clients.</summary>
    private sealed class Keep(HttpMessageHandler inner) : HttpMessageHandler
    {
        private readonly HttpMessageInvoker _inner = new(inner, disposeHandler: false);

        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) =>
            _inner.SendAsync(request, cancellationToken);
    }
}

/// <summary>A clock that only its user moves; timers run on real time.</summary>
internal sealed class ManualClock : TimeProvider
{
    public DateTimeOffset Now { get; set; } = new(2026, 9, 14, 6, 0, 0, TimeSpan.Zero);

    public override DateTimeOffset GetUtcNow() => Now;
}
