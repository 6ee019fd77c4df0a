using System.Xml;
using System.Xml.Linq;

namespace Rollcall.Serve.Profiles;

/// <summary>Reads the XML of profile definitions. It can come from anybody who administers, so nothing outside of it is ever fetched.</summary>
internal static class ProfileXml
{
    private const int CharactersMax = 1_000_000;
    private const int DepthMax = 32;

    /// <summary>Everything that is wrong with a definition by the grammar; the strict one of the administration, where the modes are mandatory.</summary>
    public static IReadOnlyList<string> Check(string name, string xml)
    {
        XElement root;
        try
        {
            root = Load(new StringReader(xml));
        }
        catch (XmlException failure)
        {
            return [$"The definition is not well-formed XML: {failure.Message}"];
        }

        var faults = new List<string>();
        if (root.Name.LocalName != "Profile")
        {
            return ["The root element must be Profile."];
        }

        if ((string?)root.Attribute("name") is var given && given != name)
        {
            faults.Add($"The name '{name}' differs from the name '{given}' in the definition.");
        }

        if (!root.Elements().Any(e => e.Name.LocalName == "Resource"))
        {
            faults.Add("The profile has no Resource.");
        }

        foreach (var resource in root.Elements())
        {
            CheckResource(resource, faults);
        }

        return faults;
    }

    /// <summary>The one profile of a definition, or all of a file whose root is <c>Profiles</c>.</summary>
    /// <exception cref="InvalidDataException">It is no profile definition; the message says why.</exception>
    public static IReadOnlyList<ProfileDefinition> Read(string xml)
    {
        try
        {
            var root = Load(new StringReader(xml));
            return root.Name.LocalName switch
            {
                "Profile" => [Profile(root)],
                "Profiles" => [.. root.Elements().Where(e => e.Name.LocalName == "Profile").Select(Profile)],
                _ => throw new InvalidDataException("The root element is neither Profile nor Profiles."),
            };
        }
        catch (XmlException failure)
        {
            throw new InvalidDataException($"The definition is not well-formed XML: {failure.Message}", failure);
        }
    }

    private static XElement Load(TextReader text)
    {
        using var reader = XmlReader.Create(text, new XmlReaderSettings
        {
            DtdProcessing = DtdProcessing.Prohibit,
            XmlResolver = null,
            MaxCharactersInDocument = CharactersMax,
            IgnoreComments = true,
            IgnoreProcessingInstructions = true,
            IgnoreWhitespace = true,
        });
        var root = XElement.Load(reader);
        return root.DescendantsAndSelf().All(e => e.Ancestors().Count() < DepthMax)
            ? root
            : throw new XmlException($"Elements are nested deeper than {DepthMax} levels.");
    }

    private static ProfileDefinition Profile(XElement profile) => new(
        ProfileDefinition.IsUsableName(NameOf(Known(profile, "Resource")))
            ? NameOf(profile)
            : throw new InvalidDataException($"The name of the profile {NameOf(profile)} must be printable ASCII characters: it becomes part of the header Content-Type."),
        [
            .. profile.Elements().Where(e => e.Name.LocalName == "Resource").Select(r => new ResourceRule(
                NameOf(Known(r, "ReadContentType", "WriteContentType")), (string?)r.Attribute("logicalSchema"), Content(r, "ReadContentType"), Content(r, "WriteContentType"))),
        ]);

    /// <summary>The element, if it holds no others than these.</summary>
    private static XElement Known(XElement element, params string[] names) =>
        element.Elements().FirstOrDefault(e => !names.Contains(e.Name.LocalName)) is { } stranger
            ? throw new InvalidDataException($"A {element.Name.LocalName} can't hold {stranger.Name.LocalName}.")
            : element;

    private static ContentRule? Content(XElement resource, string name) =>
        resource.Elements().FirstOrDefault(e => e.Name.LocalName == name) is { } content ? Content(content) : null;

    private static ContentRule Content(XElement element)
    {
        // A rule that nobody can apply would be passed over, and the profile would show what its author thinks hidden.
        if (element.Elements().FirstOrDefault(e => Place(e, element) == 0) is { } stranger)
        {
            throw new InvalidDataException($"A {element.Name.LocalName} can't hold {stranger.Name.LocalName}.");
        }

        if (element.Elements().Count(e => e.Name.LocalName == "Filter") > 1)
        {
            throw new InvalidDataException($"The Collection {NameOf(element)} has two Filters.");
        }

        var text = (string?)element.Attribute("memberSelection");
        var selection = text is null ? MemberSelection.IncludeAll
            : Enum.TryParse<MemberSelection>(text, ignoreCase: true, out var parsed) && Enum.IsDefined(parsed) && !char.IsAsciiDigit(text[0]) ? parsed
            : throw new InvalidDataException($"memberSelection must be IncludeAll, IncludeOnly or ExcludeOnly; it is {text}.");
        return new ContentRule(
            selection,
            [.. element.Elements().Where(e => e.Name.LocalName == "Property").Select(NameOf)],
            [
                .. element.Elements().Where(e => e.Name.LocalName is "Object" or "Collection" or "Extension")
                    .Select(e => new ContainerRule(Enum.Parse<ContainerKind>(e.Name.LocalName), NameOf(e), Content(e))),
            ],
            element.Name.LocalName == "Collection" && element.Elements().FirstOrDefault(e => e.Name.LocalName == "Filter") is { } filter ? Filter(filter) : null);
    }

    /// <summary>One without a member or a value filters nothing.</summary>
    private static FilterRule? Filter(XElement filter)
    {
        var property = (string?)filter.Attribute("propertyName");
        var values = filter.Elements().Where(e => e.Name.LocalName == "Value").Select(e => e.Value.Trim()).Where(v => v.Length > 0).ToArray();
        var mode = (string?)filter.Attribute("filterMode") ?? "IncludeOnly";
        if (!IsFilterMode(mode))
        {
            throw new InvalidDataException($"filterMode must be IncludeOnly or ExcludeOnly; it is {mode}.");
        }

        return string.IsNullOrEmpty(property) || values.Length == 0
            ? null
            : new FilterRule(property, mode.Equals("ExcludeOnly", StringComparison.OrdinalIgnoreCase), values);
    }

    private static string NameOf(XElement element) => (string?)element.Attribute("name") is { Length: > 0 } name
        ? name
        : throw new InvalidDataException($"A {element.Name.LocalName} has no name.");

    private static bool IsFilterMode(string mode) =>
        mode.Equals("IncludeOnly", StringComparison.OrdinalIgnoreCase) || mode.Equals("ExcludeOnly", StringComparison.OrdinalIgnoreCase);

    // ---- the grammar

    private static void CheckResource(XElement resource, List<string> faults)
    {
        if (resource.Name.LocalName != "Resource")
        {
            faults.Add($"A Profile holds Resources, not {resource.Name.LocalName}.");
            return;
        }

        if (string.IsNullOrEmpty((string?)resource.Attribute("name")))
        {
            faults.Add("A Resource has no name.");
        }

        var position = 0;
        foreach (var content in resource.Elements())
        {
            var at = content.Name.LocalName switch { "ReadContentType" => 1, "WriteContentType" => 2, _ => 0 };
            if (at == 0 || at <= position)
            {
                faults.Add(at == 0
                    ? $"A Resource holds a ReadContentType and a WriteContentType, not {content.Name.LocalName}."
                    : $"{content.Name.LocalName} is there twice or in the wrong order.");
                continue;
            }

            position = at;
            CheckContent(content, faults);
        }

        if (position == 0)
        {
            faults.Add($"The Resource '{(string?)resource.Attribute("name")}' has neither a ReadContentType nor a WriteContentType.");
        }
    }

    private static void CheckContent(XElement element, List<string> faults)
    {
        var name = element.Name.LocalName;
        if ((string?)element.Attribute("memberSelection") is not { } selection
            || !Enum.GetNames<MemberSelection>().Any(n => n.Equals(selection, StringComparison.OrdinalIgnoreCase)))
        {
            faults.Add($"{name}: memberSelection must be IncludeAll, IncludeOnly or ExcludeOnly.");
        }

        var position = 0;
        foreach (var child in element.Elements())
        {
            var at = Place(child, element);
            if (at == 0)
            {
                faults.Add($"{name} can't hold {child.Name.LocalName}.");
                continue;
            }

            if (at == 5 && position == 5)
            {
                faults.Add($"{name} has two Filters.");
            }

            if (at < position)
            {
                faults.Add($"{name}: {child.Name.LocalName} is in the wrong place; the order is Property, Object, Collection, Extension, Filter.");
            }

            position = Math.Max(position, at);
            CheckChild(child, at, faults);
        }
    }

    private static int Place(XElement child, XElement parent) => child.Name.LocalName switch
    {
        "Property" => 1,
        "Object" => 2,
        "Collection" => 3,
        "Extension" when parent.Name.LocalName != "Extension" => 4,
        "Filter" when parent.Name.LocalName == "Collection" => 5,
        _ => 0,
    };

    private static void CheckChild(XElement child, int place, List<string> faults)
    {
        if (place == 5)
        {
            if ((string?)child.Attribute("filterMode") is not { } mode || !IsFilterMode(mode))
            {
                faults.Add("Filter: filterMode must be IncludeOnly or ExcludeOnly.");
            }

            return;
        }

        if (string.IsNullOrEmpty((string?)child.Attribute("name")))
        {
            faults.Add($"A {child.Name.LocalName} has no name.");
        }

        if (place > 1)
        {
            CheckContent(child, faults);
        }
    }
}
