namespace Rollcall.Serve.Storage.Sqlite;

/// <summary>The set of descriptor row numbers that a document uses, as a column: ascending, each as the difference to the one before, 7 bits a byte.</summary>
internal static class DescriptorRowSet
{
    public const int BytesPerRowMax = 10;

    /// <param name="rows">Ascending, without repeats.</param>
    /// <param name="destination">At least <see cref="BytesPerRowMax"/> bytes a row.</param>
    public static int Write(ReadOnlySpan<long> rows, Span<byte> destination)
    {
        var length = 0;
        var previous = 0L;
        foreach (var row in rows)
        {
            var rest = (ulong)(row - previous);
            for (previous = row; rest >= 0x80; rest >>= 7)
            {
                destination[length++] = (byte)(rest | 0x80);
            }

            destination[length++] = (byte)rest;
        }

        return length;
    }

    public static bool Contains(ReadOnlySpan<byte> set, long row)
    {
        var current = 0L;
        for (var i = 0; i < set.Length && current < row;)
        {
            var rest = 0UL;
            var shift = 0;
            byte part;
            do
            {
                part = set[i++];
                rest |= (ulong)(part & 0x7f) << shift;
                shift += 7;
            }
            while (part >= 0x80);
            current += (long)rest;
        }

        return current == row;
    }
}
