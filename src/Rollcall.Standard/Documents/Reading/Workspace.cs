using System.Runtime.CompilerServices;

namespace Rollcall.Standard.Documents.Reading;

/// <summary>Everything that one read needs and the next can use again, so that a read allocates nothing but its result.</summary>
internal sealed class Workspace
{
    /// <summary>A workspace that a very large body has stretched beyond this is not kept.</summary>
    private const int KeptBytes = 1 << 20;

    /// <summary>About what an entry of a collection takes.</summary>
    private const int ItemBytes = 48;

    [ThreadStatic]
    private static Workspace? s_idle;

    private Entry[] _entries = new Entry[128];
    private int[] _root = new int[64];

    /// <summary>Canonical texts that differ from what was sent.</summary>
    public ByteBuffer Text { get; } = new(1024);

    /// <summary>The canonical body under construction.</summary>
    public ByteBuffer Output { get; } = new(4096);

    /// <summary>A string without its escapes, or a key; valid until the next use.</summary>
    public ByteBuffer Scratch { get; } = new(512);

    /// <summary>Where a key is put together.</summary>
    public byte[] KeyBytes { get; } = new byte[512];

    public KeyHashCache KeyHashes { get; } = new();

    /// <summary>Items of one array by the hash of their identifying values.</summary>
    public Dictionary<int, int> ItemsByHash { get; } = [];

    public FaultList Faults { get; } = new();

    public List<int> UnknownNames { get; } = [];

    public List<ReferenceValue> References { get; } = [];

    public List<DescriptorEntry> Descriptors { get; } = [];

    public List<UnknownDescriptor> UnknownDescriptors { get; } = [];

    public Entry[] Entries => _entries;

    public int EntryCount { get; private set; }

    /// <summary>Takes this thread's workspace, or a new one; a read inside a read gets its own.</summary>
    public static Workspace Rent()
    {
        var work = s_idle ?? new Workspace();
        s_idle = null;
        work.EntryCount = 0;
        return work;
    }

    public int Add(int member)
    {
        if (EntryCount == _entries.Length)
        {
            Array.Resize(ref _entries, _entries.Length * 2);
        }

        _entries[EntryCount] = new Entry { Member = (short)member };
        return EntryCount++;
    }

    /// <summary>Notes which entry each member of the root object has, since most values are looked up there.</summary>
    public void IndexRoot(int members)
    {
        if (_root.Length < members)
        {
            _root = new int[members];
        }

        Array.Clear(_root, 0, members);
        for (var entry = _entries[0].First; entry != 0; entry = _entries[entry].Next)
        {
            _root[_entries[entry].Member] = _entries[entry].State == EntryState.Absent ? 0 : entry;
        }
    }

    /// <summary>The entry of a member of the root object, or 0; after <see cref="IndexRoot"/>.</summary>
    public int RootMember(int position) => _root[position];

    /// <summary>Takes back the newest entry, to which nothing links.</summary>
    public void DropLast() => EntryCount--;

    public void Return()
    {
        var bytes = ((long)_entries.Length * Unsafe.SizeOf<Entry>()) + Text.Capacity + Output.Capacity + Scratch.Capacity
            + (sizeof(int) * UnknownNames.Capacity) + (ItemBytes * ItemsByHash.Capacity) + (ItemBytes * References.Capacity);
        if (bytes > KeptBytes)
        {
            return;
        }

        Text.Truncate(0);
        Output.Truncate(0);
        Scratch.Truncate(0);
        Faults.Clear();
        UnknownNames.Clear();
        References.Clear();
        Descriptors.Clear();
        UnknownDescriptors.Clear();
        s_idle = this;
    }
}
