using System.Buffers.Text;
using Rollcall.Benchmarks.Load;

namespace Rollcall.Benchmarks.Api;

/// <summary>The documents of the load: enrollments with three references (school, student, school year), and what they refer to.
/// A document is a number: its bytes are a template with the number's student and date patched in.</summary>
public sealed class Enrollments(ApiTarget target)
{
    public const int Schools = 50;
    public const int Students = 5000;

    /// <summary>Enough for minutes at any rate that one machine reaches.</summary>
    public const int Max = 4_000_000;

    private static readonly DateOnly FirstDay = new(2015, 1, 1);
    private readonly Guid[] _ids = new Guid[Max];
    private int _next;

    /// <summary>Documents numbered so far.</summary>
    public int Count => Math.Min(Volatile.Read(ref _next), Max);

    /// <summary>The schools and students that the enrollments refer to.</summary>
    public void Prepare(int connections)
    {
        Post([.. Enumerable.Range(0, Schools).Select(i => target.Bytes("POST", "/ed-fi/schools", $$"""
            {"schoolId":{{SchoolId(i)}},"nameOfInstitution":"Benchmark School {{i}}","educationOrganizationCategories":[{"educationOrganizationCategoryDescriptor":"uri://ed-fi.org/EducationOrganizationCategoryDescriptor#School"}],"gradeLevels":[{"gradeLevelDescriptor":"uri://ed-fi.org/GradeLevelDescriptor#Ninth grade"}]}
            """))], 1);
        Post([.. Enumerable.Range(0, Students).Select(i => target.Bytes("POST", "/ed-fi/students", $$"""
            {"studentUniqueId":"B{{i:D7}}","firstName":"First{{i}}","lastSurname":"Last{{i}}","birthDate":"2010-03-{{(i % 28) + 1:D2}}"}
            """))], connections);
    }

    /// <summary>POST of a document that nobody has sent before; remembers the id that it gets.</summary>
    public Requests New() => new PostNew(this);

    /// <summary>POST of documents that are there already, over and over.</summary>
    public Requests Repost(int seed) => new PostAgain(this, new Random(seed));

    public Requests GetById(int seed) => new GetOne(this, new Random(seed));

    public Requests Pages(int connection, int connections, int limit) => new GetPages(this, connection, connections, limit);

    private static long SchoolId(int school) => 990_000_001 + school;

    private void Post(byte[][] requests, int connections)
    {
        var result = LoadRun.Closed(target.Host, target.Port, [.. Enumerable.Range(0, connections).Select(c => new Fixed(requests.Where((_, i) => i % connections == c)))], TimeSpan.Zero, null);
        BenchmarkException.ThrowOn(result, "preparing schools and students");
    }

    private Template NewTemplate() => new(target.Bytes("POST", "/ed-fi/studentSchoolAssociations", """
        {"schoolReference":{"schoolId":999999999},"studentReference":{"studentUniqueId":"B9999999"},"schoolYearTypeReference":{"schoolYear":2025},"entryDate":"9999-12-31","entryGradeLevelDescriptor":"uri://ed-fi.org/GradeLevelDescriptor#Ninth grade","primarySchool":true}
        """));

    /// <summary>One document's request; the number's student decides the school.</summary>
    private sealed class Template(byte[] bytes)
    {
        private readonly int _school = bytes.AsSpan().IndexOf("999999999"u8);
        private readonly int _student = bytes.AsSpan().IndexOf("\"B9999999"u8) + 2;
        private readonly int _date = bytes.AsSpan().IndexOf("9999-12-31"u8);

        public ReadOnlySpan<byte> For(int number)
        {
            var student = number % Students;
            _ = Utf8Formatter.TryFormat(SchoolId(student % Schools), bytes.AsSpan(_school), out _);
            _ = Utf8Formatter.TryFormat(student, bytes.AsSpan(_student), out _, new System.Buffers.StandardFormat('D', 7));
            _ = FirstDay.AddDays(number / Students).TryFormat(bytes.AsSpan(_date, 10), out _, "yyyy-MM-dd", System.Globalization.CultureInfo.InvariantCulture);
            return bytes;
        }
    }

    private sealed class PostNew(Enrollments all) : Requests
    {
        private readonly Template _template = all.NewTemplate();
        private int _number;

        public override ReadOnlySpan<byte> Next() =>
            (_number = Interlocked.Increment(ref all._next) - 1) < Max ? _template.For(_number) : default;

        public override bool IsExpected(in HttpAnswer answer)
        {
            var location = answer.Header("\r\nLocation:"u8);
            return answer.Status == 201 && location.Length > 36 && Utf8Parser.TryParse(location[^Id(location)..], out all._ids[_number], out _, Id(location) == 32 ? 'N' : 'D');
        }

        /// <summary>Ids come with dashes or without.</summary>
        private static int Id(ReadOnlySpan<byte> location) => location[^9] == (byte)'-' || location[^13] == (byte)'-' ? 36 : 32;
    }

    private sealed class PostAgain(Enrollments all, Random random) : Requests
    {
        private readonly Template _template = all.NewTemplate();
        private readonly int _count = all.Count;

        public override ReadOnlySpan<byte> Next() => _template.For(random.Next(_count));

        public override bool IsExpected(in HttpAnswer answer) => answer.Status == 200;
    }

    private sealed class GetOne : Requests
    {
        private readonly Enrollments _all;
        private readonly Random _random;
        private readonly byte[] _request;
        private readonly int _id;
        private readonly int _count;

        public GetOne(Enrollments all, Random random)
        {
            (_all, _random, _count) = (all, random, all.Count);
            _request = all.GetRequest("/ed-fi/studentSchoolAssociations/00000000000000000000000000000000");
            _id = _request.AsSpan().IndexOf("00000000000000000000000000000000"u8);
        }

        public override ReadOnlySpan<byte> Next()
        {
            _ = _all._ids[_random.Next(_count)].TryFormat(_request.AsSpan(_id), out _, "N");
            return _request;
        }

        public override bool IsExpected(in HttpAnswer answer) => answer.Status == 200 && answer.Body.Length > 200;
    }

    private sealed class GetPages(Enrollments all, int connection, int connections, int limit) : Requests
    {
        private readonly int _pages = all.Count / limit;
        private int _page = all.Count / limit * connection / connections;
        private long _asked;

        public override int Items => limit;

        public override ReadOnlySpan<byte> Next()
        {
            var request = all.GetRequest($"/ed-fi/studentSchoolAssociations?offset={_page * limit}&limit={limit}");
            _page = (_page + 1) % _pages;
            return request;
        }

        /// <summary>Counting documents costs as much as reading them off the socket, so one page of 64 is counted.</summary>
        public override bool IsExpected(in HttpAnswer answer) =>
            answer.Status == 200 && (_asked++ % 64 != 0 || answer.Body.Count("\"_lastModifiedDate\""u8) == limit);
    }

    private sealed class Fixed(IEnumerable<byte[]> requests) : Requests
    {
        private readonly Queue<byte[]> _requests = new(requests);

        public override ReadOnlySpan<byte> Next() => _requests.TryDequeue(out var request) ? request : default;

        public override bool IsExpected(in HttpAnswer answer) => answer.Status is 200 or 201;
    }

    private byte[] GetRequest(string path) => target.Bytes("GET", path, null);
}
