using System.Text.Json;
using Rollcall.Exchange.Client;
using Rollcall.Standard.Loading;
using Rollcall.Standard.Model;

namespace Rollcall.Exchange.Load;

/// <summary>A file's share in one resource.</summary>
/// <param name="File">Position in <see cref="LoadPlan.Files"/>.</param>
/// <param name="IsWrapped">Its lines are <c>{"resource", "body"}</c>, and only those of this resource count.</param>
/// <param name="Count">Documents, where a manifest tells; else null.</param>
/// <param name="IsStandard">A manifest names the file as that of the standard's own descriptors.</param>
public readonly record struct LoadPart(int File, bool IsWrapped, long? Count, bool IsStandard = false);

/// <summary>Which files hold the documents of which resource.</summary>
/// <param name="Files">Paths as they are shown: relative to the folder.</param>
public sealed record LoadPlan(string Folder, IReadOnlyList<string> Files, IReadOnlyDictionary<ResourceName, List<LoadPart>> Parts)
{
    public string PathOf(int file) => Path.Combine(Folder, Files[file]);

    /// <summary>Looks through the folder, or at the one file, and finds each file's resource among those of the target.</summary>
    /// <exception cref="InvalidDataException">A file is missing or of no resource that the target has; every such file is named.</exception>
    public static async Task<LoadPlan> MakeAsync(
        string path, DependencyGraph target, StandardDescriptors standard, CancellationToken cancellationToken)
    {
        var isFile = File.Exists(path);
        if (!isFile && !Directory.Exists(path))
        {
            throw new InvalidDataException($"There is no file or folder {path}.");
        }

        var folder = isFile ? Path.GetDirectoryName(Path.GetFullPath(path))! : path;
        var draft = new Draft(folder, target);
        var manifest = Path.Combine(path, "manifest.json");
        if (isFile)
        {
            await draft.AddByNameAsync(Path.GetFileName(path), cancellationToken);
        }
        else if (File.Exists(manifest))
        {
            await draft.AddManifestAsync(manifest, standard, cancellationToken);
        }
        else
        {
            foreach (var file in Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Where(DocumentFile.IsOne).Order(StringComparer.Ordinal))
            {
                await draft.AddByNameAsync(Path.GetRelativePath(folder, file), cancellationToken);
            }
        }

        return draft.Finish();
    }

    private sealed class Draft(string folder, DependencyGraph target)
    {
        private readonly List<string> _files = [];
        private readonly Dictionary<ResourceName, List<LoadPart>> _parts = [];
        private readonly List<string> _faults = [];

        public async Task AddManifestAsync(string manifest, StandardDescriptors standard, CancellationToken cancellationToken)
        {
            JsonDocument json;
            try
            {
                json = JsonDocument.Parse(await File.ReadAllBytesAsync(manifest, cancellationToken));
            }
            catch (JsonException exception)
            {
                throw new InvalidDataException($"{manifest} is not JSON: {JsonPlace.Say(exception)}", exception);
            }

            using (json)
            {
                try
                {
                    await AddAsync(json.RootElement);
                }
                catch (Exception e) when (e is InvalidOperationException or FormatException)
                {
                    throw new InvalidDataException($"{manifest} is not of the form {{\"resources\": [{{\"path\": …, \"file\": …, \"count\": number}}]}}.", e);
                }
            }

            async Task AddAsync(JsonElement root)
            {
                if (standard != StandardDescriptors.None && root.TryGetProperty("standardDescriptors", out var descriptors)
                    && descriptors.TryGetProperty("file", out var file))
                {
                    await AddWrappedAsync(file.GetString()!, isStandard: true, cancellationToken);
                }

                if (!root.TryGetProperty("resources", out var resources) || resources.ValueKind != JsonValueKind.Array)
                {
                    throw new InvalidDataException($"{manifest} has no array 'resources' with a 'path' and a 'file' each.");
                }

                foreach (var entry in resources.EnumerateArray())
                {
                    var name = entry.TryGetProperty("path", out var p) ? p.GetString() : entry.TryGetProperty("resource", out var r) ? r.GetString() : null;
                    if (name is null || !entry.TryGetProperty("file", out var f) || f.GetString() is not { } path)
                    {
                        throw new InvalidDataException($"{manifest}: an entry of 'resources' has no 'path' or no 'file'.");
                    }

                    Add(path, ResourceName.TryParse(name), name, entry.TryGetProperty("count", out var c) ? c.GetInt64() : null);
                }
            }
        }

        /// <summary><c>students.ndjson</c>, <c>students.2.ndjson.gz</c>, <c>tpdm__candidates.json</c>, <c>tpdm/candidates.json</c>; any other
        /// name if its documents say of what resource they are.</summary>
        public async Task AddByNameAsync(string file, CancellationToken cancellationToken)
        {
            var stem = Path.GetFileName(file).Split('.')[0];
            var parts = stem.Split("__", 2);
            var parent = Path.GetFileName(Path.GetDirectoryName(file) ?? "");
            ResourceName[] names = parts.Length == 2
                ? [new ResourceName(parts[0], parts[1])]
                : parent is { Length: > 0 } ? [new ResourceName(parent, stem), new ResourceName("ed-fi", stem)] : [new ResourceName("ed-fi", stem)];
            if (names.Any(n => target.Find(n) is not null))
            {
                Add(file, names.First(n => target.Find(n) is not null), stem, null);
            }
            else if (await IsWrappedAsync(Path.Combine(folder, file), cancellationToken))
            {
                await AddWrappedAsync(file, isStandard: false, cancellationToken);
            }
            else
            {
                _faults.Add($"{file}: the target has no resource {names[0]}");
            }
        }

        public LoadPlan Finish() => _faults.Count == 0
            ? new LoadPlan(folder, _files, _parts)
            : throw new InvalidDataException("Nothing was sent:\n  " + string.Join("\n  ", _faults.Take(20))
                + (_faults.Count > 20 ? $"\n  and {_faults.Count - 20} more" : ""));

        private void Add(string file, ResourceName? name, string shown, long? count)
        {
            if (!File.Exists(Path.Combine(folder, file)))
            {
                _faults.Add($"{file}: named by the manifest, but not there");
            }
            else if (Unreadable(Path.Combine(folder, file)) is { } why)
            {
                _faults.Add($"{file}: {why}");
            }
            else if (name is null || target.Find(name.Value) is not { } resource)
            {
                _faults.Add($"{file}: the target has no resource {shown}");
            }
            else
            {
                PartsOf(resource).Add(new LoadPart(IndexOf(file), false, count));
            }
        }

        /// <summary>Reads the file once to see which resources it has.</summary>
        private async Task AddWrappedAsync(string file, bool isStandard, CancellationToken cancellationToken)
        {
            if (!File.Exists(Path.Combine(folder, file)))
            {
                _faults.Add($"{file}: named by the manifest, but not there");
                return;
            }

            var counts = new Dictionary<string, long>(StringComparer.OrdinalIgnoreCase);
            await foreach (var document in DocumentFile.ReadAsync(Path.Combine(folder, file), cancellationToken))
            {
                if (!DocumentFile.TryReadWrapped(document.Bytes, out var name, out _))
                {
                    _faults.Add($"{file}, line {document.Line}: not of the form {{\"resource\": …, \"body\": {{…}}}}");
                    return;
                }

                counts[name] = counts.GetValueOrDefault(name) + 1;
            }

            foreach (var (name, count) in counts)
            {
                if (ResourceName.TryParse(name) is { } parsed && target.Find(parsed) is { } resource)
                {
                    // A resource can be spelled in several ways in one file.
                    var (parts, number) = (PartsOf(resource), IndexOf(file));
                    var at = parts.FindIndex(p => p.File == number && p.IsWrapped);
                    if (at < 0)
                    {
                        parts.Add(new LoadPart(number, true, count, isStandard));
                    }
                    else
                    {
                        parts[at] = parts[at] with { Count = parts[at].Count + count };
                    }
                }
                else
                {
                    _faults.Add($"{file}: the target has no resource {name}");
                }
            }
        }

        /// <summary>What keeps the file from being read, as far as its beginning tells; null when nothing does.</summary>
        private static string? Unreadable(string path)
        {
            try
            {
                using var file = File.OpenRead(path);
                return path.EndsWith(".gz", StringComparison.OrdinalIgnoreCase) && file.Length > 0 && (file.ReadByte() != 0x1f || file.ReadByte() != 0x8b)
                    ? "is not gzipped"
                    : null;
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                return e.Message;
            }
        }

        private static async Task<bool> IsWrappedAsync(string path, CancellationToken cancellationToken)
        {
            await foreach (var document in DocumentFile.ReadAsync(path, cancellationToken))
            {
                return DocumentFile.TryReadWrapped(document.Bytes, out _, out _);
            }

            return true;
        }

        private List<LoadPart> PartsOf(ResourceName resource) =>
            _parts.TryGetValue(resource, out var parts) ? parts : _parts[resource] = [];

        private int IndexOf(string file)
        {
            var index = _files.IndexOf(file);
            if (index < 0)
            {
                index = _files.Count;
                _files.Add(file);
            }

            return index;
        }
    }
}
