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

    /// <summary>The values of a document that is about to be written, parallel to the plan's elements.</summary>
    /// <param name="isUnresolved">Whether the document's reference at a position names nothing: what it carries has no value then.</param>
    public static ElementValue[] Proposed(AccessPlan plan, Document document, Func<int, bool> isUnresolved)
    {
        var values = new ElementValue[plan.Elements.Length];
        for (var i = 0; i < values.Length; i++)
        {
            var element = plan.Elements[i];
            ref readonly var value = ref document.QueryValues[element.Field];
            if (value.IsPresent && IsCarried(document, element, isUnresolved))
            {
                values[i] = value.Text is { } text ? Of(Fold.Text(text)) : Of(value.Number);
            }
        }

        return values;
    }

    /// <summary>A field that several references carry has a value as soon as one of them is there; the element has none without its own.</summary>
    private static bool IsCarried(Document document, Element element, Func<int, bool> isUnresolved)
    {
        if (element.Carrier is null)
        {
            return true;
        }

        for (var i = 0; i < document.References.Length; i++)
        {
            if (ReferenceEquals(document.References[i].Model, element.Carrier))
            {
                return !isUnresolved(i);
            }
        }

        return false;
    }
}
