using Npgsql;
using Rollcall.Demo;
using Rollcall.Tests.Demo;

namespace Rollcall.IntegrationTests.Demo;

/// <summary>The sample SIS on PostgreSQL: the same schema, mapping, data and changes as on SQLite.</summary>
public sealed class LimitlessSisPostgresTests
{
    [Fact]
    public async Task PostgreSQL_holds_and_maps_to_the_same_as_SQLite_and_changes_alike()
    {
        await using var postgres = await TemporarySchema.OpenAsync();
        await LimitlessSis.CreateAsync(postgres.Connection, 400, 11);
        await using var sqlite = await SisFile.CreateAsync(400, 11);
        var mapping = await SampleMapping.LoadAsync();

        var before = await mapping.MapAsync(postgres.Connection);
        AssertSame(await mapping.MapAsync(sqlite.Connection), before);
        for (var day = 1; day <= 3; day++)
        {
            var onPostgres = await LimitlessSis.ApplyDayAsync(postgres.Connection, day, SisChangeKinds.All);
            var onSqlite = await LimitlessSis.ApplyDayAsync(sqlite.Connection, day, SisChangeKinds.All);

            var after = await mapping.MapAsync(postgres.Connection);
            Assert.Equal(onSqlite.Resources, onPostgres.Resources);
            Assert.Equal(DocumentDiff.Between(before, after, mapping.NeverDeleted), onPostgres.Resources);
            AssertSame(await mapping.MapAsync(sqlite.Connection), after);
            before = after;
        }
    }

    [Theory]
    [InlineData("local_id")]
    [InlineData("sis_id")]
    public async Task Each_number_can_be_the_student_unique_id(string identity)
    {
        await using var postgres = await TemporarySchema.OpenAsync();
        await LimitlessSis.CreateAsync(postgres.Connection, 50, 3);
        await using var sqlite = await SisFile.CreateAsync(50, 3);
        var mapping = await SampleMapping.LoadAsync();

        AssertSame(await mapping.MapAsync(sqlite.Connection, identity), await mapping.MapAsync(postgres.Connection, identity));
    }

    [Fact]
    public async Task A_database_with_tables_of_the_same_name_is_left_as_it_was()
    {
        await using var postgres = await TemporarySchema.OpenAsync();
        await LimitlessSis.CreateAsync(postgres.Connection, 5, 1);

        await Assert.ThrowsAsync<PostgresException>(() => LimitlessSis.CreateAsync(postgres.Connection, 7, 1));

        await using var count = new NpgsqlCommand("select count(*) from student", postgres.Connection);
        Assert.Equal(5L, await count.ExecuteScalarAsync());
    }

    private static void AssertSame(List<SampleMapping.MappedDocument> expected, List<SampleMapping.MappedDocument> actual) => Assert.Equal(
        expected.Select(Text).Order(StringComparer.Ordinal), actual.Select(Text).Order(StringComparer.Ordinal));

    private static string Text(SampleMapping.MappedDocument d) => $"{d.Resource.Name} {d.SourceKey} {d.Body.ToJsonString()}";

    /// <summary>A schema of its own in the test cluster, dropped afterwards.</summary>
    private sealed class TemporarySchema : IAsyncDisposable
    {
        private readonly string _name = $"sis_{Guid.NewGuid():N}";

        private TemporarySchema(string connection) => Connection = new NpgsqlConnection(
            new NpgsqlConnectionStringBuilder(connection) { SearchPath = _name, Pooling = false }.ConnectionString);

        public NpgsqlConnection Connection { get; }

        public static async Task<TemporarySchema> OpenAsync()
        {
            var connection = Environment.GetEnvironmentVariable("ROLLCALL_TEST_POSTGRES");
            if (connection is null)
            {
                Assert.SkipUnless(Environment.GetEnvironmentVariable("CI") == "true", "ROLLCALL_TEST_POSTGRES is not set: there is no PostgreSQL to test with.");
                Assert.Fail("ROLLCALL_TEST_POSTGRES is not set, and on CI it must be.");
            }

            var schema = new TemporarySchema(connection);
            await schema.Connection.OpenAsync();
            await schema.RunAsync($"create schema {schema._name}");
            return schema;
        }

        public async ValueTask DisposeAsync()
        {
            await RunAsync($"drop schema {_name} cascade");
            await Connection.DisposeAsync();
        }

        private async Task RunAsync(string sql)
        {
            await using var command = new NpgsqlCommand(sql, Connection);
            await command.ExecuteNonQueryAsync();
        }
    }
}
