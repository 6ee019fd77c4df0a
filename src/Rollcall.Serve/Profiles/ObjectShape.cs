using Rollcall.Standard.Model;

namespace Rollcall.Serve.Profiles;

/// <summary>How much of a member a profile shows.</summary>
internal enum Visibility
{
    Hidden,
    Whole,

    /// <summary>Its value is an object of which a part is shown.</summary>
    Object,

    /// <summary>Its value is an array of which some items, or a part of each, are shown.</summary>
    Collection,
}

/// <param name="Inner">What is shown of the object, or of each item; null unless <see cref="Visibility"/> says so.</param>
/// <param name="Filter">Which items are shown; null for all.</param>
internal readonly record struct MemberShape(Visibility Visibility, ObjectShape? Inner, ItemFilter? Filter);

/// <summary>A profile's rules for one object of a resource, compiled: what to do with each of its members.</summary>
internal sealed class ObjectShape
{
    public ObjectShape(ObjectModel model, MemberShape[] members, bool isRoot)
    {
        Model = model;
        Members = members;
        HidesRequired = model.Properties.Where((p, i) => p.IsRequired && !(isRoot && p.IsIdentity) && members[i].Visibility == Visibility.Hidden).Any();
        Hides = members.Any(m => m.Visibility != Visibility.Whole);
    }

    public ObjectModel Model { get; }

    /// <summary>Parallel to the model's properties.</summary>
    public MemberShape[] Members { get; }

    /// <summary>Whether an object that is not stored yet can't be complete, because a member that it needs is hidden.</summary>
    public bool HidesRequired { get; }

    /// <summary>Whether anything is hidden here or below.</summary>
    public bool Hides { get; }

    /// <summary>The position of a member, or -1. Stored members come in the model's order, so the search starts behind the last one found.</summary>
    public int IndexOf(ReadOnlySpan<byte> name, int after)
    {
        var names = Model.NamesUtf8;
        for (var i = after + 1; i < names.Length; i++)
        {
            if (name.SequenceEqual(names[i]))
            {
                return i;
            }
        }

        for (var i = 0; i <= after && i < names.Length; i++)
        {
            if (name.SequenceEqual(names[i]))
            {
                return i;
            }
        }

        return -1;
    }

    /// <summary>Whether the member at a path of the model (<c>$.addresses[*].city</c>) is hidden, itself or with what it stands in.</summary>
    public bool IsHidden(string path)
    {
        var shape = this;
        foreach (var part in path.Split('.').Skip(1))
        {
            var name = part.IndexOf('[', StringComparison.Ordinal) is >= 0 and var bracket ? part[..bracket] : part;
            var index = shape.Model.IndexOf(name);
            if (index < 0)
            {
                return false;
            }

            var member = shape.Members[index];
            if (member.Inner is null)
            {
                return member.Visibility == Visibility.Hidden;
            }

            shape = member.Inner;
        }

        return false;
    }
}
