namespace Rollcall.Standard.Documents.Reading;

/// <summary>No two items of an array may have the same identifying values (4.6). Arrays whose items are told apart by a reference
/// come first, and stop at the first one with a duplicate.</summary>
internal static class UniqueItemsRule
{
    /// <summary>Up to this many items each is compared with all before it; a hash table would cost more.</summary>
    private const int FewItems = 8;

    public static void Check(CompiledResource resource, ParsedBody body)
    {
        if (resource.Root.HoldsArrays && CheckMembers(resource.Root, 0, -1, -1, body, byReference: true))
        {
            CheckMembers(resource.Root, 0, -1, -1, body, byReference: false);
        }
    }

    /// <returns>False when no further array is to be checked.</returns>
    private static bool CheckMembers(CompiledObject members, int owner, int index0, int index1, ParsedBody body, bool byReference)
    {
        var entries = body.Entries;
        for (var entry = entries[owner].First; entry != 0; entry = entries[entry].Next)
        {
            var member = members.Members[entries[entry].Member];
            var goesOn = entries[entry].State switch
            {
                EntryState.Array => CheckArray(member, entry, index0, index1, body, byReference),
                EntryState.Object when member.Members!.HoldsArrays => CheckMembers(member.Members, entry, index0, index1, body, byReference),
                _ => true,
            };
            if (!goesOn)
            {
                return false;
            }
        }

        return true;
    }

    private static bool CheckArray(CompiledMember array, int entry, int index0, int index1, ParsedBody body, bool byReference)
    {
        if (array.IsUniqueByReference == byReference && FirstDuplicate(array, entry, body) is var position and > 0)
        {
            body.Work.Faults.Add(
                byReference ? FaultPhase.DuplicateReference : FaultPhase.DuplicateItem,
                ConcretePath.Of(array.Path, index0, index1),
                FaultText.DuplicateItem(position, array.Name));
            if (byReference)
            {
                return false;
            }
        }

        if (!array.Members!.HoldsArrays)
        {
            return true;
        }

        var entries = body.Entries;
        var index = 0;
        for (var item = entries[entry].First; item != 0; item = entries[item].Next, index++)
        {
            if (!CheckMembers(array.Members, item, index0 < 0 ? index : index0, index0 < 0 ? -1 : index, body, byReference))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>The 1-based position of the first item that equals one before it, or 0.</summary>
    private static int FirstDuplicate(CompiledMember array, int entry, ParsedBody body)
    {
        var entries = body.Entries;
        var first = entries[entry].First;
        if (array.UniqueBy.Length == 0 || entries[first].Next == 0)
        {
            return 0;
        }

        var position = 2;
        var item = entries[first].Next;
        for (; item != 0 && position <= FewItems; item = entries[item].Next, position++)
        {
            for (var earlier = first; earlier != item; earlier = entries[earlier].Next)
            {
                if (AreSame(array, earlier, item, body))
                {
                    return position;
                }
            }
        }

        return item == 0 ? 0 : FirstDuplicateOfMany(array, first, body);
    }

    private static int FirstDuplicateOfMany(CompiledMember array, int first, ParsedBody body)
    {
        var entries = body.Entries;
        var items = body.Work.ItemsByHash;
        items.Clear();
        var position = 1;
        for (var item = first; item != 0; item = entries[item].Next, position++)
        {
            var hash = HashOf(array, item, body);
            while (!items.TryAdd(hash, item))
            {
                if (AreSame(array, items[hash], item, body))
                {
                    return position;
                }

                hash++;
            }
        }

        return 0;
    }

    private static bool AreSame(CompiledMember array, int a, int b, ParsedBody body)
    {
        foreach (ref readonly var path in array.UniqueBy.AsSpan())
        {
            var left = body.Value(a, path);
            var right = body.Value(b, path);
            if (left == 0 || right == 0 ? left != right : !body.AreEqual(body.Entries[left], body.Entries[right]))
            {
                return false;
            }
        }

        return true;
    }

    private static int HashOf(CompiledMember array, int item, ParsedBody body)
    {
        var key = new Keys.CanonicalKey(body.Work.KeyBytes);
        foreach (ref readonly var path in array.UniqueBy.AsSpan())
        {
            body.AppendTo(ref key, body.Entries[body.Value(item, path)]);
        }

        var hash = new HashCode();
        hash.AddBytes(key.Bytes);
        return hash.ToHashCode();
    }
}
