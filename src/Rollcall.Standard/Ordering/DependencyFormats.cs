using System.Text;
using System.Text.Json;
using System.Xml;

namespace Rollcall.Standard.Ordering;

/// <summary>The two forms in which a dependency order is served and printed: the ODS/API's JSON list, and GraphML.</summary>
public static class DependencyFormats
{
    private const string GraphMlNamespace = "http://graphml.graphdrawing.org/xmlns";

    public static void WriteJson(DependencyOrder order, Utf8JsonWriter writer)
    {
        writer.WriteStartArray();
        foreach (var row in order.Rows)
        {
            writer.WriteStartObject();
            writer.WriteString("resource", row.Resource.Path);
            writer.WriteNumber("order", row.Order);
            writer.WriteStartArray("operations");
            foreach (var (operation, name) in new[] { (DependencyOperations.Create, "Create"), (DependencyOperations.Update, "Update") })
            {
                if (row.Operations.HasFlag(operation))
                {
                    writer.WriteStringValue(name);
                }
            }

            writer.WriteEndArray();
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }

    public static void WriteGraphMl(DependencyOrder order, Stream stream)
    {
        using var writer = XmlWriter.Create(stream, new XmlWriterSettings { Indent = true, Encoding = new UTF8Encoding(false) });
        writer.WriteStartElement("graphml", GraphMlNamespace);
        writer.WriteStartElement("graph", GraphMlNamespace);
        writer.WriteAttributeString("id", "EdFi Dependencies");
        writer.WriteAttributeString("edgedefault", "directed");
        foreach (var node in order.Nodes)
        {
            writer.WriteStartElement("node", GraphMlNamespace);
            writer.WriteAttributeString("id", node.Id);
            writer.WriteEndElement();
        }

        foreach (var edge in order.Edges)
        {
            writer.WriteStartElement("edge", GraphMlNamespace);
            writer.WriteAttributeString("source", edge.Source.Id);
            writer.WriteAttributeString("target", edge.Target.Id);
            writer.WriteEndElement();
        }

        writer.WriteEndElement();
        writer.WriteEndElement();
    }
}
