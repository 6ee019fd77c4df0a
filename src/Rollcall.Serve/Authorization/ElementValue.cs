using Rollcall.Standard.Documents;
using Rollcall.Standard.Keys;

namespace Rollcall.Serve.Authorization;

/// <summary>The value of an element in a document, in the form in which it is compared.</summary>
/// <param name="Number">An organization's id.</param>
/// <param name="Text">A person's unique id or a namespace, folded.</param>
public readonly record struct ElementValue(bool IsPresent, long Number, string? Text)
{
    public static ElementValue Of(long number) => new(true, number, null);

    public static ElementValue Of(string folded) => new(true, 0, folded);

    /// <summary>An element's value in a document, whether or not what carries it is found.</summary>
    public static ElementValue Of(Element element, Document document)
    {
        ref readonly var value = ref document.QueryValues[element.Field];
        return !value.IsPresent ? default : value.Text is { } text ? Of(Fold.Text(text)) : Of(value.Number);
    }

    /// <summary>The values of a document that is about to be written, parallel to the plan's elements.</summary>
    /// <param name="unresolved">References that name nothing: what they carry has no value.</param>
    public static ElementValue[] Proposed(AccessPlan plan, Document document, IReadOnlyList<ReferenceValue> unresolved)
    {
        var values = new ElementValue[plan.Elements.Length];
        for (var i = 0; i < values.Length; i++)
        {
            if (IsCarried(document, plan.Elements[i], unresolved))
            {
                values[i] = Of(plan.Elements[i], document);
            }
        }

        return values;
    }

    /// <summary>A field that several references carry has a value as soon as one of them is there; the element has none without its own.</summary>
    private static bool IsCarried(Document document, Element element, IReadOnlyList<ReferenceValue> unresolved)
    {
        if (element.Carrier is null)
        {
            return true;
        }

        foreach (var reference in unresolved)
        {
            if (ReferenceEquals(reference.Model, element.Carrier))
            {
                return false;
            }
        }

        return Array.Exists(document.References, r => ReferenceEquals(r.Model, element.Carrier));
    }
}
