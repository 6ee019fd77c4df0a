using System.Text.Json;
using Rollcall.Standard.Model;

namespace Rollcall.Standard.Documents;

/// <summary>Shows a stored document's natural key as <c>/deletes</c> and <c>/keyChanges</c> do.</summary>
public static class KeyValues
{
    /// <summary>A JSON object with each key value once under its public name, in key order: numbers as numbers, dates
    /// <c>yyyy-MM-dd</c>, descriptors as their full URI.</summary>
    /// <param name="canonicalBody">A <see cref="Document.Body"/>; its spelling of values is taken over.</param>
    /// <exception cref="InvalidDataException">The body lacks a value of the key: it is no canonical body of the resource.</exception>
    public static byte[] Write(ResourceModel resource, ReadOnlySpan<byte> canonicalBody)
    {
        var buffer = new System.Buffers.ArrayBufferWriter<byte>(256);
        using var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { SkipValidation = true });
        json.WriteStartObject();
        foreach (var member in resource.Key)
        {
            json.WritePropertyName(member.Name);
            json.WriteRawValue(ValueOf(member, canonicalBody, resource), skipInputValidation: true);
        }

        json.WriteEndObject();
        json.Flush();
        return buffer.WrittenSpan.ToArray();
    }

    private static ReadOnlySpan<byte> ValueOf(KeyMember member, ReadOnlySpan<byte> body, ResourceModel resource)
    {
        foreach (var path in member.Paths)
        {
            var value = body;
            foreach (var step in path.Steps)
            {
                value = MemberOf(value, step.Name);
            }

            if (!value.IsEmpty)
            {
                return value;
            }
        }

        throw new InvalidDataException($"A stored document of {resource} has no value for {member.Name}.");
    }

    /// <summary>The JSON text of an object's member; empty when there is none.</summary>
    private static ReadOnlySpan<byte> MemberOf(ReadOnlySpan<byte> json, string name)
    {
        if (json.IsEmpty)
        {
            return default;
        }

        var reader = new Utf8JsonReader(json);
        reader.Read();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var isFound = reader.ValueTextEquals(name);
            reader.Read();
            var start = (int)reader.TokenStartIndex;
            reader.Skip();
            if (isFound)
            {
                return json[start..(int)reader.BytesConsumed];
            }
        }

        return default;
    }
}
