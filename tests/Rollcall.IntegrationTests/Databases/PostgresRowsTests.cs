using System.Globalization;
using Npgsql;
using Rollcall.Databases;

namespace Rollcall.IntegrationTests.Databases;

/// <summary>Row images are unpacked by the server itself: what it then says the values are must be what was written.</summary>
public sealed class PostgresRowsTests(PostgresFixture postgres, ITestOutputHelper output)
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_server_reads_every_value_as_it_was_written()
    {
        var seed = Environment.TickCount;
        output.WriteLine($"seed {seed}");
        var random = new Random(seed);
        await using var database = await postgres.EmptyAsync();
        await database.RunAsync("create table image (n bigint, d numeric, t text, u uuid, i integer, at timestamptz, a bigint[], b bytea)");
        await using var source = PostgresDatabase.Open(database.ConnectionString, 4);
        var type = (uint)(await new NpgsqlCommand("select reltype from pg_class where relname = 'image'", await source.OpenConnectionAsync(Token)).ExecuteScalarAsync(Token))!;
        decimal[] edges =
        [
            0m, 0.00m, -0.0m, 1m, -1m, 10000m, 9999m, 0.0001m, 0.00010m, 1.5m, -2.130m, 12345678.9012m, 100000000m, 0.5000m,
            decimal.MaxValue, decimal.MinValue, 0.0000000000000000000000000001m, 79228162514264337593543950.335m,
        ];
        var rows = edges.Concat(Enumerable.Range(0, 300).Select(_ => new decimal(random.Next(), random.Next(), random.Next(), random.Next(2) == 0, (byte)random.Next(29))))
            .Select((d, i) => new Row(
                i, i % 7 == 3 ? null : d, i % 5 == 2 ? null : Text(random), Guid.NewGuid(), random.Next() - random.Next(),
                DateTime.UnixEpoch.AddTicks(random.NextInt64(TimeSpan.TicksPerDay * 40_000) / 10 * 10),
                [.. Enumerable.Range(0, random.Next(4)).Select(_ => random.NextInt64())], [.. Enumerable.Range(0, random.Next(3000)).Select(_ => (byte)random.Next(256))]))
            .ToArray();
        using var images = new PostgresRows(type, 8);
        foreach (var row in rows)
        {
            images.BeginRow();
            images.Long(row.Number);
            images.Numeric(row.Decimal);
            images.Text(row.Text);
            images.Uuid(row.Id);
            images.Int(row.Int);
            images.Timestamp(row.At);
            images.LongArray(row.Array);
            row.Bytes.CopyTo(images.Bytea(row.Bytes.Length));
            images.EndRow();
        }

        await using var insert = source.CreateCommand("insert into image select u.* from unnest($1::image[]) u");
        insert.Parameters.Add(new NpgsqlParameter<PostgresRows> { TypedValue = images });
        Assert.Equal(rows.Length, await insert.ExecuteNonQueryAsync(Token));

        // Read back as the server's own text, so that no decoder of ours or Npgsql's is trusted.
        await using var read = source.CreateCommand(
            "select n::text, d::text, t, u::text, i::text, extract(epoch from at)::numeric(30, 6)::text, a::text, encode(b, 'hex') from image order by image.n");
        await using var reader = await read.ExecuteReaderAsync(Token);
        foreach (var row in rows)
        {
            Assert.True(await reader.ReadAsync(Token));
            Assert.Equal(row.Number?.ToString(CultureInfo.InvariantCulture), reader.GetString(0));
            Assert.Equal(row.Decimal is { } d ? (d == 0 ? Math.Abs(d) : d).ToString(CultureInfo.InvariantCulture) : null, reader.IsDBNull(1) ? null : reader.GetString(1));
            Assert.Equal(row.Text, reader.IsDBNull(2) ? null : reader.GetString(2));
            Assert.Equal(row.Id.ToString(), reader.GetString(3));
            Assert.Equal(row.Int.ToString(CultureInfo.InvariantCulture), reader.GetString(4));
            Assert.Equal(((decimal)(row.At - DateTime.UnixEpoch).Ticks / TimeSpan.TicksPerSecond).ToString("F6", CultureInfo.InvariantCulture), reader.GetString(5));
            Assert.Equal($"{{{string.Join(',', row.Array)}}}", reader.GetString(6));
            Assert.Equal(Convert.ToHexStringLower(row.Bytes), reader.GetString(7));
        }
    }

    private static string Text(Random random) => string.Concat(Enumerable.Range(0, random.Next(40)).Select(_ => random.Next(3) switch
    {
        0 => "é",
        1 => char.ConvertFromUtf32(0x1F600 + random.Next(60)),
        _ => ((char)random.Next(32, 127)).ToString(),
    }));

    private sealed record Row(long? Number, decimal? Decimal, string? Text, Guid Id, int Int, DateTime At, long[] Array, byte[] Bytes);
}
