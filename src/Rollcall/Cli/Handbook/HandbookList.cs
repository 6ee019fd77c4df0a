using System.Globalization;
using Rollcall.Standard.Model;
using Rollcall.Standard.Ordering;
using Spectre.Console;

namespace Rollcall.Cli.Handbook;

/// <summary>The two lists of <c>rollcall model</c>: resources with their keys, and the load order.</summary>
internal static class HandbookList
{
    public static void Print(IReadOnlyList<ResourceModel> resources, IAnsiConsole console)
    {
        var table = new Columns("Resource", "Kind", "Natural key") { WidthMax = 100 };
        foreach (var resource in resources)
        {
            table.Add(HandbookText.Name(resource), HandbookText.Kind(resource), string.Join(", ", resource.Key.Select(k => k.Name)));
        }

        table.Write(console);
    }

    public static void Print(DependencyOrder order, IAnsiConsole console)
    {
        var table = new Columns("Order", "Resource", "Operations") { WidthMax = 100 };
        foreach (var row in order.Rows)
        {
            table.Add(row.Order.ToString(CultureInfo.InvariantCulture).PadLeft(5), row.Resource.Path, row.Operations switch
            {
                DependencyOperations.Create => "create",
                DependencyOperations.Update => "update",
                _ => "create, update",
            });
        }

        table.Write(console);
    }
}
