using Rollcall.Standard.Keys;
using Rollcall.Standard.Model;

namespace Rollcall.Standard.Documents.Reading;

/// <summary>Writes a faultless body's canonical form, and notes its references and descriptors on the way.</summary>
internal readonly ref struct CanonicalWriter(ParsedBody body, DescriptorSet? descriptors)
{
    private readonly ParsedBody _body = body;

    /// <summary>Writes one object to <see cref="Workspace.Output"/>.</summary>
    /// <param name="owner">The object's entry.</param>
    /// <param name="index0">Position in the outer array that the object is in, or -1.</param>
    /// <param name="index1">Position in the inner array, or -1.</param>
    public void Write(CompiledObject members, int owner, int index0, int index1)
    {
        var output = _body.Work.Output;
        var entries = _body.Entries;
        output.Add((byte)'{');
        var isFirst = true;
        for (var entry = entries[owner].First; entry != 0; entry = entries[entry].Next)
        {
            if (entries[entry].State == EntryState.Absent)
            {
                continue;
            }

            var member = members.Members[entries[entry].Member];
            if (!isFirst)
            {
                output.Add((byte)',');
            }

            isFirst = false;
            output.Add(member.Prefix);
            switch (entries[entry].State)
            {
                case EntryState.Object:
                    Write(member.Members!, entry, index0, index1);
                    if (member.Reference is not null)
                    {
                        _body.Work.References.Add(new ReferenceValue(member.Reference, KeyOf(member, entry), output.Length - 1, index0, index1));
                    }

                    break;
                case EntryState.Array:
                    WriteItems(member, entry, index0);
                    break;
                default:
                    output.Add(member.Descriptor is { } type && descriptors is not null
                        ? Resolve(ref entries[entry], member, type, index0, index1)
                        : _body.Json(entries[entry]));
                    break;
            }
        }

        output.Add((byte)'}');
    }

    private void WriteItems(CompiledMember array, int entry, int outer)
    {
        var output = _body.Work.Output;
        var entries = _body.Entries;
        output.Add((byte)'[');
        var position = 0;
        for (var item = entries[entry].First; item != 0; item = entries[item].Next, position++)
        {
            if (position > 0)
            {
                output.Add((byte)',');
            }

            Write(array.Members!, item, outer < 0 ? position : outer, outer < 0 ? -1 : position);
        }

        output.Add((byte)']');
    }

    /// <summary>The hash that the target document has as its own key.</summary>
    private KeyHash KeyOf(CompiledMember reference, int entry)
    {
        var key = new CanonicalKey(_body.Work.KeyBytes);
        foreach (var field in reference.KeyFields)
        {
            _body.AppendTo(ref key, _body.Entries[_body.Member(entry, field)]);
        }

        return _body.Work.KeyHashes.HashOf(key.Bytes);
    }

    /// <summary>The stored spelling of a descriptor value; as sent when there is no such value.</summary>
    private ReadOnlySpan<byte> Resolve(ref Entry entry, CompiledMember member, ResourceModel type, int index0, int index1)
    {
        var work = _body.Work;
        var found = entry.HasEscape ? descriptors!.Find(type, _body.Text(entry)) : descriptors!.Find(type, _body.Bare(entry));
        if (found is null)
        {
            work.UnknownDescriptors.Add(
                new UnknownDescriptor(ConcretePath.Of(member.Path, index0, index1), type, _body.Text(entry)));
            return _body.Json(entry);
        }

        entry.IsResolved = true;
        entry.Number = work.Descriptors.Count;
        work.Descriptors.Add(found);
        return found.UriJson;
    }
}
