using System.Globalization;
using System.Text;
using System.Text.Json;
using Rollcall.Exchange.Client;
using Rollcall.Standard.Model;

namespace Rollcall.Exchange.Verify;

/// <summary>One resource's verdict.</summary>
/// <param name="IsKeyKnown">False when documents could only be compared as a whole, so that a changed one shows as missing and extra.</param>
/// <param name="Comparison">Null when a side could not be read; then one of the failures says why.</param>
public sealed record ResourceComparison(
    ResourceName Resource, bool IsKeyKnown, Comparison? Comparison, ApiFailure? SourceFailure, ApiFailure? TargetFailure)
{
    /// <summary>Both sides were read to the end and hold the same.</summary>
    public bool IsEqual => Comparison is { IsEqual: true };
}

/// <summary>Are two APIs equal, and if not, where not.</summary>
public sealed record VerifyReport(IReadOnlyList<ResourceComparison> Resources, TimeSpan Elapsed, long Requests)
{
    public IReadOnlyList<string> Notices { get; init; } = [];

    /// <summary>Every resource was read on both sides and holds the same. What could not be read is not equal.</summary>
    public bool IsEqual => Resources.All(r => r.IsEqual);

    public string Outcome => IsEqual ? "equal" : "different";

    public long Same => Resources.Sum(r => r.Comparison?.Same ?? 0);

    public long Missing => Resources.Sum(r => r.Comparison?.Missing ?? 0);

    public long Extra => Resources.Sum(r => r.Comparison?.Extra ?? 0);

    public long Different => Resources.Sum(r => r.Comparison?.Different ?? 0);

    public int Unreadable => Resources.Count(r => r.Comparison is null);

    public string ToText(string source, string target)
    {
        var text = new StringBuilder();
        var filled = Resources.Count(r => r.Comparison is { } c && c.Same + c.Missing + c.Extra + c.Different > 0);
        text.AppendLine(IsEqual
            ? string.Create(CultureInfo.InvariantCulture, $"Equal: {Same:N0} documents in {filled} of {Resources.Count} resources are the same at {source} and {target} ({Elapsed.TotalSeconds:N1} s).")
            : string.Create(CultureInfo.InvariantCulture, $"Different: {Same:N0} documents are the same, {Missing:N0} missing at {target}, {Extra:N0} extra there, {Different:N0} different, {Unreadable} resources could not be compared ({Elapsed.TotalSeconds:N1} s)."));
        foreach (var r in Resources.Where(r => !r.IsEqual))
        {
            if (r.Comparison is { } c)
            {
                text.AppendLine(CultureInfo.InvariantCulture, $"  {r.Resource}: {c.Same:N0} same, {c.Missing:N0} missing, {c.Extra:N0} extra, {c.Different:N0} different{(r.IsKeyKnown ? "" : " (natural key not known: compared as a whole)")}");
                Append(text, "missing, by id at the source", c.Missing, c.MissingSamples.Select(i => i.ToString("N")));
                Append(text, "extra, by id at the target", c.Extra, c.ExtraSamples.Select(i => i.ToString("N")));
                Append(text, "different, by id at the source and at the target", c.Different, c.DifferentSamples.Select(s => $"{s.Source:N}/{s.Target:N}"));
            }

            Append(text, r, "source", r.SourceFailure);
            Append(text, r, "target", r.TargetFailure);
        }

        return text.ToString();
    }

    /// <summary>Writes the result's members into an object that is open.</summary>
    public void WriteJson(Utf8JsonWriter json, string source, string target)
    {
        json.WriteString("verb", "verify");
        json.WriteString("outcome", Outcome);
        json.WriteString("source", source);
        json.WriteString("target", target);
        json.WriteNumber("same", Same);
        json.WriteNumber("missing", Missing);
        json.WriteNumber("extra", Extra);
        json.WriteNumber("different", Different);
        json.WriteNumber("unreadable", Unreadable);
        json.WriteNumber("seconds", Math.Round(Elapsed.TotalSeconds, 3));
        json.WriteNumber("requests", Requests);
        json.WriteStartArray("resources");
        foreach (var r in Resources)
        {
            json.WriteStartObject();
            json.WriteString("resource", r.Resource.Path);
            if (r.Comparison is { } c)
            {
                json.WriteNumber("same", c.Same);
                json.WriteNumber("missing", c.Missing);
                json.WriteNumber("extra", c.Extra);
                json.WriteNumber("different", c.Different);
                WriteIds(json, "missingSamples", c.MissingSamples.Select(i => i.ToString("N")));
                WriteIds(json, "extraSamples", c.ExtraSamples.Select(i => i.ToString("N")));
                WriteIds(json, "differentSamples", c.DifferentSamples.Select(s => $"{s.Source:N}/{s.Target:N}"));
            }

            if (!r.IsKeyKnown)
            {
                json.WriteBoolean("keyKnown", false);
            }

            if (r.SourceFailure is { } sourceFailure)
            {
                json.WriteString("sourceFailure", $"{sourceFailure.Status} {sourceFailure.Message}");
            }

            if (r.TargetFailure is { } targetFailure)
            {
                json.WriteString("targetFailure", $"{targetFailure.Status} {targetFailure.Message}");
            }

            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteStartArray("notices");
        foreach (var notice in Notices)
        {
            json.WriteStringValue(notice);
        }

        json.WriteEndArray();
    }

    private static void WriteIds(Utf8JsonWriter json, string name, IEnumerable<string> ids)
    {
        var list = ids.ToList();
        if (list.Count == 0)
        {
            return;
        }

        json.WriteStartArray(name);
        list.ForEach(json.WriteStringValue);
        json.WriteEndArray();
    }

    private static void Append(StringBuilder text, string what, long count, IEnumerable<string> ids)
    {
        if (count > 0)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"      {what}: {string.Join(", ", ids)}{(count > 10 ? ", …" : "")}");
        }
    }

    private static void Append(StringBuilder text, ResourceComparison resource, string side, ApiFailure? failure)
    {
        if (failure is not null)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"  {resource.Resource}: not compared, the {side} answers {(failure.Status == 0 ? "" : failure.Status + " ")}{failure.Message}");
        }
    }
}
