using System.Globalization;
using System.Text;

namespace Rollcall.IntegrationTests.Fuzz;

/// <summary>One request that wants to break a server. Also compiled into the benchmarks, whose <c>fuzz</c> runs for longer.</summary>
/// <param name="Kind">What is hostile in it.</param>
/// <param name="Bytes">Head and body as they are sent.</param>
/// <param name="PieceBytes">Sent in pieces of this many bytes with a pause between; 0 sends all at once.</param>
/// <param name="EndsEarly">The sender stops talking before the body is as long as was said.</param>
public sealed record HostileRequest(string Kind, byte[] Bytes, int PieceBytes, bool EndsEarly)
{
    /// <summary>The server may close the connection without an answer: the request is no HTTP, or was not finished.</summary>
    public bool MayBeDropped => EndsEarly || Kind is "broken framing" or "random head";

    public static IReadOnlyList<string> Kinds { get; } =
    [
        "random bytes", "truncated", "spliced", "flipped bytes", "deep nesting", "deep nesting, unclosed", "huge number", "lone surrogate", "invalid UTF-8",
        "byte order mark", "repeated names", "long text", "long name", "long array", "many faults", "chunked", "slow", "short length", "long length", "broken framing", "random head",
    ];

    /// <param name="documents">Valid bodies with the resource each belongs to.</param>
    public static HostileRequest Make(Random random, IReadOnlyList<(string Resource, byte[] Body)> documents, string token)
    {
        var kind = Kinds[random.Next(Kinds.Count)];
        var (resource, valid) = documents[random.Next(documents.Count)];
        var body = BodyOf(kind, valid, documents[random.Next(documents.Count)].Body, random);
        var head = $"{(random.Next(4) == 0 ? "PUT" : "POST")} /data/v3/{resource}{(random.Next(4) == 0 ? "/00000000-0000-0000-0000-000000000000" : "")} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n";
        return kind switch
        {
            "chunked" => new(kind, Chunked(head, body, random), 0, false),
            "broken framing" => new(kind, Broken(Chunked(head, body, random), random), 0, true),
            "random head" => new(kind, Broken(Sized(head, body, body.Length), random), 0, true),
            "slow" => new(kind, Sized(head, body, body.Length), Math.Max(1, body.Length / 5), false),
            "short length" => new(kind, Sized(head + "Connection: close\r\n", body, random.Next(body.Length)), 0, false),
            "long length" => new(kind, Sized(head, body, body.Length + 1 + random.Next(5000)), 0, true),
            _ => new(kind, Sized(head, body, body.Length), 0, false),
        };
    }

    private static byte[] BodyOf(string kind, byte[] valid, byte[] other, Random random)
    {
        switch (kind)
        {
            case "random bytes":
                var bytes = new byte[random.Next(3000)];
                random.NextBytes(bytes);
                return bytes;
            case "truncated":
                return valid[..random.Next(valid.Length)];
            case "spliced":
                return [.. valid[..random.Next(valid.Length)], .. other[random.Next(other.Length)..]];
            case "flipped bytes":
                var flipped = valid.ToArray();
                for (var i = random.Next(1, 6); i > 0; i--)
                {
                    flipped[random.Next(flipped.Length)] ^= (byte)(1 << random.Next(8));
                }

                return flipped;
            case "deep nesting":
                var depth = random.Next(2, 3000);
                return Text(random.Next(2) == 0
                    ? $"{Repeat("{\"a\":", depth)}1{new string('}', depth)}"
                    : $"{{\"addresses\":{new string('[', depth)}{new string(']', depth)}}}");
            case "deep nesting, unclosed":
                return Text(Repeat(random.Next(2) == 0 ? "[" : "{\"addresses\":[", random.Next(1, 200_000)));
            case "huge number":
                return Inserted(valid, $"\"schoolId\":{(random.Next(2) == 0 ? "-" : "")}{new string('9', random.Next(1, 100_000))}{(random.Next(2) == 0 ? "e" + new string('9', random.Next(1, 400)) : "")},");
            case "lone surrogate":
                return Inserted(valid, $"\"{(random.Next(2) == 0 ? "firstName" : "\\ud800x")}\":\"a\\ud8{random.Next(10)}0\\u0041\",");
            case "invalid UTF-8":
                byte[][] bad = [[0xFF], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xE2, 0x28, 0xA1]];
                var at = random.Next(valid.Length);
                return [.. valid[..at], .. bad[random.Next(bad.Length)], .. valid[at..]];
            case "byte order mark":
                byte[] mark = random.Next(2) == 0 ? [0xEF, 0xBB, 0xBF] : [0xFF, 0xFE];
                return [.. mark, .. random.Next(2) == 0 ? mark : [], .. valid];
            case "repeated names":
                return Inserted(valid, string.Concat(Enumerable.Repeat($"\"x{random.Next(3)}\":1,", random.Next(1, 20_000))));
            case "long text":
                return Inserted(valid, $"\"firstName\":\"{new string(random.Next(2) == 0 ? 'x' : ' ', random.Next(2_000_000))}\",");
            case "long name":
                return Inserted(valid, $"\"{new string('n', random.Next(2_000_000))}\":{{\"a\":1,\"a\":2}},");
            case "long array":
                return Inserted(valid, $"\"addresses\":[{string.Join(',', Enumerable.Repeat(random.Next(2) == 0 ? "{}" : "{\"city\":\"c\"}", random.Next(1, 60_000)))}],");
            case "many faults":
                return Inserted(valid, $"\"gradeLevels\":[{string.Join(',', Enumerable.Range(0, random.Next(1, 40_000)).Select(i => i.ToString(CultureInfo.InvariantCulture)))}],");
            default:
                return valid;
        }
    }

    private static byte[] Inserted(byte[] valid, string members) => [(byte)'{', .. Text(members), .. valid[1..]];

    private static byte[] Sized(string head, byte[] body, int length) =>
        [.. Text(string.Create(CultureInfo.InvariantCulture, $"{head}Content-Length: {length}\r\n\r\n")), .. body];

    private static byte[] Chunked(string head, byte[] body, Random random)
    {
        var request = new List<byte>(Text(head + "Transfer-Encoding: chunked\r\n\r\n"));
        for (var at = 0; at < body.Length;)
        {
            var size = Math.Min(body.Length - at, random.Next(1, 400));
            request.AddRange(Text(string.Create(CultureInfo.InvariantCulture, $"{size:x}\r\n")));
            request.AddRange(body.AsSpan(at, size));
            request.AddRange("\r\n"u8);
            at += size;
        }

        request.AddRange("0\r\n\r\n"u8);
        return [.. request];
    }

    private static byte[] Broken(byte[] request, Random random)
    {
        var broken = request.ToArray();
        for (var i = random.Next(1, 8); i > 0; i--)
        {
            broken[random.Next(broken.Length)] = (byte)random.Next(256);
        }

        return broken;
    }

    private static string Repeat(string text, int count) => new StringBuilder(text.Length * count).Insert(0, text, count).ToString();

    private static byte[] Text(string text) => Encoding.UTF8.GetBytes(text);
}
