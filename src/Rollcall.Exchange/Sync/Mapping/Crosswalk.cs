using System.Text;
using CsvHelper;

namespace Rollcall.Exchange.Sync.Mapping;

/// <summary>What a local code becomes: a descriptor, nothing, or a fault.</summary>
/// <param name="Json">The descriptor as a JSON string; empty when the member is left out.</param>
/// <param name="Uri">The descriptor; null when the member is left out.</param>
internal sealed record CrosswalkValue(byte[] Json, string? Uri)
{
    /// <summary>The code is known to mean nothing here: the member is left out.</summary>
    public static CrosswalkValue Omitted { get; } = new([], null);

    /// <summary>Whether the target is known not to have the descriptor; decided once per run, before any row is mapped.</summary>
    public bool IsUnknownToTarget { get; set; }

    public static CrosswalkValue Of(string uri) => new(JsonText.Quote(uri), uri);
}

/// <summary>One crosswalk file: a SIS's local codes to descriptors, with school-specific rows and a <c>*</c> row for all other codes.</summary>
internal sealed class Crosswalk
{
    private readonly Dictionary<(string Code, string School), CrosswalkValue> _values = new(CodeComparer.Instance);
    private readonly Dictionary<(string Code, string School), CrosswalkValue>.AlternateLookup<CodeKey> _lookup;

    private Crosswalk(string fileName, string text)
    {
        (FileName, Text) = (fileName, text);
        _lookup = _values.GetAlternateLookup<CodeKey>();
    }

    public string FileName { get; }

    /// <summary>The whole file.</summary>
    public string Text { get; }

    public IEnumerable<CrosswalkValue> Values => _values.Values.Where(v => v.Uri is not null);

    /// <summary>The most specific row: this code at this school, this code, any code at this school, any code. Null: no row, or one that says error.</summary>
    public CrosswalkValue? Find(ReadOnlySpan<byte> code, ReadOnlySpan<byte> school)
    {
        var value = Row(code, school) ?? Row(code, default) ?? Row("*"u8, school) ?? Row("*"u8, default);
        return ReferenceEquals(value, Fails) ? null : value;
    }

    /// <summary>Marks a row that says <c>error</c>, so that a more general row does not answer in its place.</summary>
    private static CrosswalkValue Fails { get; } = new([], "error");

    private CrosswalkValue? Row(ReadOnlySpan<byte> code, ReadOnlySpan<byte> school) =>
        _lookup.TryGetValue(new CodeKey(code, school), out var value) ? value : null;

    public static Crosswalk Read(string path, List<string> faults)
    {
        var crosswalk = new Crosswalk("crosswalks/" + Path.GetFileName(path), File.ReadAllText(path));
        var options = new CsvReaderOptions { CommentPrefix = '#', TrimWhitespace = true, TrackLineNumbers = true };
        try
        {
            using var csv = CsvReader.Create(File.OpenRead(path), options, false);
            csv.ReadHeader();
            var columns = csv.Headers.ToList();
            string[] known = ["local_code", "school_code", "descriptor", "note"];
            faults.AddRange(columns.Except(known, StringComparer.Ordinal)
                .Select(c => $"{crosswalk.FileName}: unknown column {c}; the columns are {string.Join(", ", known)}."));
            var missing = known.Where(k => k is "local_code" or "descriptor").Except(columns, StringComparer.Ordinal).ToList();
            faults.AddRange(missing.Select(c => $"{crosswalk.FileName}: the column {c} is missing."));
            string Field(string name) => columns.IndexOf(name) is >= 0 and var i ? csv.GetString(i) : "";
            while (missing.Count == 0 && csv.Read())
            {
                crosswalk.Add(
                    Field("local_code"), Field("school_code"), Field("descriptor"), Field("note"), $"{crosswalk.FileName}, line {csv.LineNumber}", faults);
            }
        }
        catch (CsvFormatException e)
        {
            faults.Add($"{crosswalk.FileName}: not CSV: {e.Message}");
        }

        return crosswalk;
    }

    private void Add(string code, string school, string descriptor, string note, string where, List<string> faults)
    {
        var text = descriptor.Length == 0 ? note : descriptor;
        CrosswalkValue? value = text switch
        {
            "omit" => CrosswalkValue.Omitted,
            "error" => Fails,
            _ when descriptor.IndexOf('#', StringComparison.Ordinal) is > 0 and var hash && hash < descriptor.Length - 1 => CrosswalkValue.Of(descriptor.Normalize(NormalizationForm.FormC)),
            _ => null,
        };
        if (code.Length == 0)
        {
            faults.Add($"{where}: local_code is empty.");
        }
        else if (value is null)
        {
            faults.Add($"{where}: {(text.Length == 0 ? "the code " + code + " has no descriptor" : text + " is no descriptor")}; " +
                "namespace#codeValue, omit or error is expected.");
        }
        else if (!_values.TryAdd((code.Normalize(NormalizationForm.FormC), school.Normalize(NormalizationForm.FormC)), value))
        {
            faults.Add($"{where}: the code {code} is there twice{(school.Length == 0 ? "" : " for school " + school)}.");
        }
    }

    /// <summary>A code and a school as they stand in a row, so that a look-up makes no garbage.</summary>
    private readonly ref struct CodeKey(ReadOnlySpan<byte> code, ReadOnlySpan<byte> school)
    {
        public ReadOnlySpan<byte> Code { get; } = code;

        public ReadOnlySpan<byte> School { get; } = school;
    }

    /// <summary>Codes are compared exactly: in a SIS <c>t</c> and <c>T</c> may well be two codes.</summary>
    private sealed class CodeComparer : IEqualityComparer<(string Code, string School)>, IAlternateEqualityComparer<CodeKey, (string Code, string School)>
    {
        public static CodeComparer Instance { get; } = new();

        public bool Equals((string Code, string School) x, (string Code, string School) y) => x == y;

        public int GetHashCode((string Code, string School) key) =>
            GetHashCode(new CodeKey(Encoding.UTF8.GetBytes(key.Code), Encoding.UTF8.GetBytes(key.School)));

        public bool Equals(CodeKey alternate, (string Code, string School) other) => Same(alternate.Code, other.Code) && Same(alternate.School, other.School);

        public int GetHashCode(CodeKey key)
        {
            var hash = new HashCode();
            hash.AddBytes(key.Code);
            hash.Add(0);
            hash.AddBytes(key.School);
            return hash.ToHashCode();
        }

        public (string Code, string School) Create(CodeKey alternate) => (Encoding.UTF8.GetString(alternate.Code), Encoding.UTF8.GetString(alternate.School));

        private static bool Same(ReadOnlySpan<byte> utf8, string text)
        {
            Span<byte> buffer = stackalloc byte[256];
            return text.Length * 3 <= buffer.Length
                ? Encoding.UTF8.GetBytes(text, buffer) is var n && utf8.SequenceEqual(buffer[..n])
                : utf8.SequenceEqual(Encoding.UTF8.GetBytes(text));
        }
    }
}
