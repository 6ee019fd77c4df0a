using System.Text.Json;
using Rollcall.Standard.Loading;
using Rollcall.Standard.Model;
using Rollcall.Standard.Ordering;
using Spectre.Console;

namespace Rollcall.Cli.Handbook;

/// <summary>One resource as a page: what the Ed-Fi Data Handbook shows, from the model itself.</summary>
internal static class HandbookPage
{
    /// <summary>A few descriptors (languages, countries) have hundreds of values: the page names this many of them and counts the rest.</summary>
    private const int CodeValuesMax = 60;

    public static void Print(DataStandard standard, ResourceModel resource, IAnsiConsole console)
    {
        var project = standard.Projects.First(p => p.Namespace == resource.Name.Namespace);
        console.MarkupLine($"[bold]{Markup.Escape(resource.Name.Path)}[/]  {resource.TypeName}, {HandbookText.Kind(resource)} of {project.Name} {project.Version}");
        var facts = new List<string>();
        if (resource.SubclassOf is { } parent)
        {
            facts.Add($"a kind of {parent.TypeName}");
        }

        var order = DependencyOrder.Compute(standard).Rows;
        var rows = order.Where(r => r.Resource == resource.Name).ToArray();
        facts.Add(rows switch
        {
            [] => "not loaded by clients: the host sets it up",
            [var only] => $"load order {only.Order} of {order[^1].Order}",
            [var create, var update, ..] => $"load order {create.Order} of {order[^1].Order}, updates {update.Order}",
        });
        facts.Add(resource.AllowsKeyChange ? "its key can be changed by PUT" : "its key can't be changed");
        console.WriteLine(string.Join("; ", facts));

        PrintKey(resource, console);
        PrintProperties(resource, console);
        PrintMerges(resource, console);
        PrintReferences(standard, resource, console);
        PrintQueryFields(resource, console);
        if (resource.IsDescriptor)
        {
            PrintCodeValues(resource, console);
        }

        var users = resource.IsDescriptor ? DescriptorUsers(standard, resource) : resource.Referrers.Select(r => (r.Resource, r.Reference.Path.Text));
        PrintUsers(users, console);
    }

    public static void Print(DataStandard standard, AbstractResourceModel resource, IAnsiConsole console)
    {
        console.MarkupLine($"[bold]{resource.TypeName}[/]  abstract: it has no endpoint; a document of any resource below satisfies a reference to it");
        Heading(console, "Natural key", null);
        foreach (var name in resource.KeyNames)
        {
            console.WriteLine($"  {name}");
        }

        Heading(console, "Resources of this kind", resource.Subclasses.Length);
        var table = new Columns("Resource", "Its key");
        foreach (var subclass in resource.Subclasses)
        {
            table.Add(HandbookText.Name(subclass), string.Join(", ", subclass.Key.Select(k => k.Name)));
        }

        table.Write(console);
        PrintUsers(standard.Resources.SelectMany(r => r.References.Where(x => x.AbstractTarget == resource).Select(x => (r, x.Path.Text))), console);
    }

    private static void PrintKey(ResourceModel resource, IAnsiConsole console)
    {
        Heading(console, "Natural key", resource.Key.Length);
        var table = new Columns("Value", "Type", "Carried by");
        foreach (var member in resource.Key)
        {
            table.Add(member.Name, HandbookText.Type(member.Leaf), string.Join(" and ", member.Paths.Select(p => HandbookText.Path(p.Text))));
        }

        table.Write(console);
    }

    /// <summary>The handbook's table. Identity: <c>key</c> for the natural key's members, <c>item</c> for what tells a list's items apart.</summary>
    private static void PrintProperties(ResourceModel resource, IAnsiConsole console)
    {
        Heading(console, "Properties", null);
        var table = new Columns("Name", "Type", "Required", "Identity", "Merge") { WidthMax = 44 };
        var identity = resource.Identity.Select(p => p.Text).ToHashSet(StringComparer.Ordinal);
        Rows(resource.Root, "$", 0, "", []);
        table.Write(console);
        console.WriteLine();
        foreach (var line in Columns.Words(
            "Identity: 'key' is part of the natural key; 'item' tells an item of its list from its siblings. "
            + "Required: in the object or item that holds it; every field of a reference is required once the reference is there.",
            console.Profile.Width - 2))
        {
            console.MarkupLine($"  [dim]{Markup.Escape(line)}[/]");
        }

        void Rows(ObjectModel members, string prefix, int depth, string inItem, IReadOnlyCollection<string> unique)
        {
            foreach (var property in members.Properties)
            {
                var path = $"{prefix}.{property.Name}";
                var isList = property.Type == PropertyType.Array;
                var within = inItem + property.Name;
                var isKey = identity.Contains(path) || (depth == 0 && property.IsIdentity);
                table.Add(
                    new string(' ', 2 * depth) + property.Name + (isList ? "[]" : ""),
                    HandbookText.Type(property) + (property.IsDeprecated ? ", deprecated" : ""),
                    property.IsRequired ? "required" : "",
                    isKey ? "key" : unique.Any(u => u == within || u.StartsWith(within + ".", StringComparison.Ordinal)) ? "item" : "",
                    HandbookText.Merge(resource, path));
                if (property.Members is { } inner)
                {
                    Rows(
                        inner,
                        path + (isList ? "[*]" : ""),
                        depth + 1,
                        isList ? "" : within + ".",
                        isList ? [.. property.UniqueBy.Select(u => u.Replace("$.", "", StringComparison.Ordinal))] : unique);
                }
            }
        }
    }

    private static void PrintMerges(ResourceModel resource, IAnsiConsole console)
    {
        var sets = HandbookText.Merges(resource).ToArray();
        if (sets.Length == 0)
        {
            return;
        }

        Heading(console, "Merged members, or key unification", sets.Length);
        for (var i = 0; i < sets.Length; i++)
        {
            Paragraph(console, $"({i + 1}) {HandbookText.Sentence(sets[i])}", 2);
        }
    }

    private static void PrintReferences(DataStandard standard, ResourceModel resource, IAnsiConsole console)
    {
        if (resource.References.Length == 0)
        {
            return;
        }

        Heading(console, "References", resource.References.Length);
        var table = new Columns("Member", "Target", "Required", "Role");
        foreach (var reference in resource.References)
        {
            var target = reference.Target is { } concrete ? HandbookText.Name(concrete) : $"{reference.TargetType} ({reference.AbstractTarget!.Subclasses.Length} kinds)";
            table.Add(
                HandbookText.Path(reference.Path.Text),
                target,
                reference.IsAlwaysPresent ? "required" : reference is { IsInCollection: true, Property.IsRequired: true } ? "in each item" : "",
                reference.Property.Role ?? "");
        }

        table.Write(console);
    }

    private static void PrintQueryFields(ResourceModel resource, IAnsiConsole console)
    {
        Heading(console, "Query fields of GET", resource.QueryFields.Length + 1);
        var names = resource.QueryFields.Select(f => f.Name).Prepend("id");
        Paragraph(console, string.Join(", ", names), 2);
    }

    private static void PrintCodeValues(ResourceModel resource, IAnsiConsole console)
    {
        var values = StandardValues(resource).ToArray();
        Heading(console, "Standard values", values.Length);
        foreach (var group in values.GroupBy(v => v.Namespace))
        {
            console.WriteLine($"  {group.Key}#");
            var shown = string.Join(" · ", group.Take(CodeValuesMax).Select(v => v.CodeValue));
            var rest = group.Count() - CodeValuesMax;
            Paragraph(console, rest > 0 ? $"{shown} · and {rest} more: --json lists them all" : shown, 4);
        }
    }

    private static void PrintUsers(IEnumerable<(ResourceModel Resource, string Path)> users, IAnsiConsole console)
    {
        var list = users.GroupBy(u => u.Resource).Select(g => (g.Key, Paths: g.Select(u => HandbookText.Path(u.Path)).ToArray()))
            .OrderBy(g => HandbookText.Name(g.Key), StringComparer.OrdinalIgnoreCase).ToArray();
        Heading(console, "Referred to by", list.Length);
        if (list.Length == 0)
        {
            return;
        }

        var table = new Columns("Resource", "Member");
        foreach (var (resource, paths) in list)
        {
            table.Add(HandbookText.Name(resource), string.Join(", ", paths));
        }

        table.Write(console);
    }

    public static IEnumerable<(ResourceModel Resource, string Path)> DescriptorUsers(DataStandard standard, ResourceModel descriptor)
    {
        return standard.Resources.Where(r => !r.IsDescriptor).SelectMany(r => Uses(r.Root, "$").Select(p => (r, p)));

        IEnumerable<string> Uses(ObjectModel members, string prefix) => members.Properties.SelectMany(p =>
            p.DescriptorType == descriptor.TypeName && p.DescriptorNamespace == descriptor.Name.Namespace ? [$"{prefix}.{p.Name}"]
            : p.Members is { } inner && p.Type != PropertyType.Reference ? Uses(inner, $"{prefix}.{p.Name}{(p.Type == PropertyType.Array ? "[*]" : "")}")
            : []);
    }

    public static IEnumerable<(string Namespace, string CodeValue)> StandardValues(ResourceModel descriptor)
    {
        using var lines = new StreamReader(CompactModelReader.OpenStandardDescriptors());
        while (lines.ReadLine() is { } line)
        {
            using var value = JsonDocument.Parse(line);
            if (descriptor.Name.Namespace == "ed-fi" && value.RootElement.GetProperty("resource").GetString() == descriptor.Name.Endpoint)
            {
                yield return (value.RootElement.GetProperty("namespace").GetString()!, value.RootElement.GetProperty("codeValue").GetString()!);
            }
        }
    }

    private static void Paragraph(IAnsiConsole console, string text, int indent)
    {
        foreach (var line in Columns.Words(text, console.Profile.Width - indent))
        {
            console.WriteLine(new string(' ', indent) + line);
        }
    }

    private static void Heading(IAnsiConsole console, string text, int? count)
    {
        console.WriteLine();
        console.MarkupLine(count is { } n ? $"[bold]{text}[/] ({n})" : $"[bold]{text}[/]");
    }
}
