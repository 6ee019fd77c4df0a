using System.Collections.Immutable;

namespace Rollcall.Standard.Model;

/// <summary>A path such as <c>$.classPeriods[*].classPeriodReference.schoolId</c>, resolved to the members it passes through.</summary>
public sealed class PropertyPath
{
    private PropertyPath(string text, ImmutableArray<PropertyModel> steps)
    {
        Text = text;
        Steps = steps;
    }

    /// <summary>The path as the model writes it, beginning with <c>$.</c>; <c>[*]</c> follows an array's name.</summary>
    public string Text { get; }

    /// <summary>The members from the root to the leaf.</summary>
    public ImmutableArray<PropertyModel> Steps { get; }

    public PropertyModel Leaf => Steps[^1];

    /// <summary>Whether the path passes through an array, so that it can have several values in one document.</summary>
    public bool IsInCollection => Steps.Any(s => s.Type == PropertyType.Array);

    /// <exception cref="InvalidDataException">The path names a member that <paramref name="root"/> does not have.</exception>
    public static PropertyPath Resolve(ObjectModel root, string text)
    {
        var steps = ImmutableArray.CreateBuilder<PropertyModel>();
        var members = root;
        foreach (var part in (text.StartsWith("$.", StringComparison.Ordinal) ? text[2..] : text).Split('.'))
        {
            var name = part.EndsWith("[*]", StringComparison.Ordinal) ? part[..^3] : part;
            var step = members?.Find(name) ?? throw new InvalidDataException($"The model has no member {text}: {name} is unknown.");
            steps.Add(step);
            members = step.Members;
        }

        return new PropertyPath(text, steps.ToImmutable());
    }

    public override string ToString() => Text;
}
