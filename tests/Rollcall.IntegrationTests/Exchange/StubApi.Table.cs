namespace Rollcall.IntegrationTests.Exchange;

/// <content>What the stub keeps.</content>
public sealed partial class StubApi
{
    private sealed class Table
    {
        private int _next;

        public SortedDictionary<int, Row> Rows { get; } = [];

        public Dictionary<string, Row> ByKey { get; } = [];

        public (int Status, Guid Id) Put(string key, string body, long version)
        {
            if (ByKey.TryGetValue(key, out var row))
            {
                row.Body = body;
                row.Writes++;
                row.Version = version;
                return (200, row.Id);
            }

            row = new Row(++_next, Guid.NewGuid(), key) { Body = body, Version = version };
            Rows[row.Sequence] = row;
            ByKey[key] = row;
            return (201, row.Id);
        }
    }

    private sealed class Row(int sequence, Guid id, string key)
    {
        public int Sequence { get; } = sequence;

        public Guid Id { get; } = id;

        public string Key { get; set; } = key;

        public long Version { get; set; }

        public string Body { get; set; } = "";

        public int Writes { get; set; } = 1;

        public Row Copy() => new(Sequence, Id, Key) { Body = Body, Writes = Writes, Version = Version };
    }
}
