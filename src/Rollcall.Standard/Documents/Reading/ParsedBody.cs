using System.Text;
using System.Text.Json;
using Rollcall.Standard.Keys;

namespace Rollcall.Standard.Documents.Reading;

/// <summary>The flat tree of a scanned body with the texts that it points to.</summary>
internal readonly ref struct ParsedBody(ReadOnlySpan<byte> body, Workspace work)
{
    private readonly ReadOnlySpan<byte> _body = body;

    public Workspace Work { get; } = work;

    public Entry[] Entries => Work.Entries;

    /// <summary>The canonical JSON text of a scalar.</summary>
    public ReadOnlySpan<byte> Json(scoped in Entry entry) =>
        entry.IsRewritten ? Work.Text.Slice(entry.Start, entry.Length) : _body.Slice(entry.Start, entry.Length);

    /// <summary>The same without quotes; for a string with escapes these are still there.</summary>
    public ReadOnlySpan<byte> Bare(scoped in Entry entry)
    {
        var json = Json(entry);
        return json[0] == '"' ? json[1..^1] : json;
    }

    public string Text(scoped in Entry entry) => entry.HasEscape ? Unescaped(Json(entry)) : Encoding.UTF8.GetString(Bare(entry));

    /// <summary>Appends a value to a key: its canonical text, folded; an absent one is empty.</summary>
    public void AppendTo(scoped ref CanonicalKey key, scoped in Entry entry)
    {
        if (entry.State != EntryState.Scalar)
        {
            key.Append(ReadOnlySpan<byte>.Empty);
        }
        else if (entry.HasEscape)
        {
            key.Append(Unescaped(Json(entry)));
        }
        else
        {
            key.Append(Bare(entry));
        }
    }

    /// <summary>Whether two values are equal as values are compared: without letter case. Every escape is in its one spelling, so
    /// that texts may be compared as JSON.</summary>
    public bool AreEqual(scoped in Entry a, scoped in Entry b)
    {
        var left = Json(a);
        var right = Json(b);
        return left.SequenceEqual(right) || Ascii.EqualsIgnoreCase(left, right)
            || (!(Ascii.IsValid(left) && Ascii.IsValid(right)) && Fold.Text(Text(a)) == Fold.Text(Text(b)));
    }

    /// <summary>The member at a position, or 0 when it is absent.</summary>
    /// <param name="owner">The object, reference or item.</param>
    public int Member(int owner, int position)
    {
        if (owner == 0)
        {
            return Work.RootMember(position);
        }

        var entries = Entries;
        for (var entry = entries[owner].First; entry != 0; entry = entries[entry].Next)
        {
            if (entries[entry].Member >= position)
            {
                return entries[entry].Member == position && entries[entry].State != EntryState.Absent ? entry : 0;
            }
        }

        return 0;
    }

    /// <summary>The value at a path without arrays, or 0 when it is absent.</summary>
    public int Value(int owner, in MemberPath path)
    {
        foreach (var step in path.Steps)
        {
            owner = Member(owner, step);
            if (owner == 0)
            {
                return 0;
            }
        }

        return owner;
    }

    /// <summary>The first of several paths that has a value, or 0.</summary>
    public int FirstValue(int owner, MemberPath[] paths)
    {
        foreach (ref readonly var path in paths.AsSpan())
        {
            if (Value(owner, path) is var entry and > 0)
            {
                return entry;
            }
        }

        return 0;
    }

    private static string Unescaped(ReadOnlySpan<byte> json)
    {
        var reader = new Utf8JsonReader(json);
        reader.Read();
        return reader.GetString()!;
    }
}
