using System.Globalization;
using System.IO.Enumeration;
using System.Security.Cryptography;
using System.Text;
using Rollcall.Exchange.Sync.Sources;
using Rollcall.Standard.Loading;
using Rollcall.Standard.Loading.OpenApi;
using Rollcall.Standard.Model;

namespace Rollcall.Exchange.Sync.Mapping;

/// <summary>A resource of a mapping folder: its own file and those of its child arrays.</summary>
internal sealed record MappedResource(ResourceModel Model, MappingFile File, IReadOnlyList<MappingFile> Children);

/// <summary>A mapping folder read into memory and checked as far as that goes without a database.</summary>
public sealed class MappingFolder
{
    /// <summary>The target's model, where that is not the built-in one; <c>sync model</c> writes it.</summary>
    public const string ModelFile = "target-model.json";

    private MappingFolder(string path, SyncProfile profile, DataStandard standard) => (Path, Profile, Standard) = (path, profile, standard);

    public string Path { get; }

    /// <summary>What the resources are mapped to.</summary>
    public DataStandard Standard { get; }

    /// <summary>The model that the folder has; null where the built-in one is meant.</summary>
    public TargetModel? TargetModel { get; private set; }

    public SyncProfile Profile { get; }

    internal IReadOnlyList<MappedResource> Resources { get; private set; } = [];

    /// <summary>What the source's rows must not show.</summary>
    internal IReadOnlyList<RuleFile> Rules { get; private set; } = [];

    internal CrosswalkSet Crosswalks { get; private set; } = new();

    /// <summary>What the queries read as <c>:name</c>.</summary>
    internal Dictionary<string, object> Parameters { get; } = new(StringComparer.Ordinal);

    /// <summary>Changes whenever anything that decides which documents there are has changed.</summary>
    internal byte[] Fingerprint { get; private set; } = [];

    /// <summary>The model in the folder; null where the built-in one is meant.</summary>
    /// <exception cref="MappingException">The file is there and is no such model.</exception>
    public static TargetModel? ModelOf(string path)
    {
        var file = System.IO.Path.Combine(path, ModelFile);
        try
        {
            return File.Exists(file) ? TargetModel.Load(file) : null;
        }
        catch (Exception fault) when (fault is InvalidDataException or IOException or UnauthorizedAccessException)
        {
            throw new MappingException(fault.Message);
        }
    }

    /// <summary>Reads a folder with the model that it has.</summary>
    /// <exception cref="MappingException">Anything in the folder is wrong; all faults at once.</exception>
    public static MappingFolder Read(string path, ProfileOverrides overrides)
    {
        var model = ModelOf(path);
        var folder = Read(path, model?.Standard ?? CompactModelReader.EdFi52, overrides);
        folder.TargetModel = model;
        return folder;
    }

    /// <exception cref="MappingException">Anything in the folder is wrong; all faults at once.</exception>
    public static MappingFolder Read(string path, DataStandard standard, ProfileOverrides overrides)
    {
        if (!Directory.Exists(path))
        {
            throw new MappingException($"there is no folder {path}.");
        }

        var faults = new List<string>();
        var folder = new MappingFolder(path, ProfileReader.Read(path, overrides), standard);
        folder.ReadParameters();
        folder.Crosswalks = CrosswalkSet.Read(System.IO.Path.Combine(path, "crosswalks"), faults);
        folder.Resources = folder.ReadResources(standard, faults);
        folder.Rules = RuleFile.ReadAll(System.IO.Path.Combine(path, "rules"), standard, faults);
        folder.CheckDeletes(standard, faults);
        folder.Fingerprint = folder.ComputeFingerprint();
        return faults.Count == 0 ? folder : throw new MappingException(faults);
    }

    /// <summary>Reads the profile alone, for what concerns neither source nor target.</summary>
    /// <exception cref="MappingException">There is no folder, or its profile is wrong.</exception>
    public static SyncProfile ReadProfile(string path, ProfileOverrides overrides) => Directory.Exists(path)
        ? ProfileReader.Read(path, overrides)
        : throw new MappingException($"there is no folder {path}.");

    internal DeletePolicy DeletesOf(MappedResource resource) =>
        resource.File.Deletes
        ?? (Profile.Deletes.PerResource.TryGetValue(resource.Model.Name.ToString(), out var policy) ? policy : Profile.Deletes.Default);

    /// <summary>Asks the database for every query's columns and compiles them; nothing is read yet.</summary>
    /// <exception cref="MappingException">A query does not run or an alias is no path of its resource; all faults at once.</exception>
    internal async Task<IReadOnlyList<DocumentTemplate>> CompileAsync(ISisReader sis, CancellationToken cancellationToken)
    {
        var faults = new List<string>();
        var templates = new List<DocumentTemplate>();
        foreach (var resource in Resources)
        {
            var main = await DescribeAsync(resource.File);
            var children = new List<DescribedFile>();
            foreach (var child in resource.Children)
            {
                if (await DescribeAsync(child) is { } described)
                {
                    children.Add(described);
                }
            }

            if (main is { } file && children.Count == resource.Children.Count)
            {
                templates.Add(TemplateCompiler.Compile(resource.Model, file, children, Crosswalks, faults));
            }
        }

        return faults.Count == 0 ? templates : throw new MappingException(faults);

        async Task<DescribedFile?> DescribeAsync(MappingFile file)
        {
            try
            {
                return new DescribedFile(file, await sis.DescribeAsync(Extract.Wrapped(file, sis, null), cancellationToken));
            }
            catch (SisException e) when (!e.IsUnavailable)
            {
                faults.Add($"{file.FileName}: the database refuses the query: {e.Message}");
                return null;
            }
        }
    }

    private void ReadParameters()
    {
        foreach (var (name, value) in Profile.Source.Parameters)
        {
            Parameters[name] = value;
        }

        foreach (var (name, value) in Profile.Identity)
        {
            Parameters["identity_" + name] = value;
        }
    }

    private List<MappedResource> ReadResources(DataStandard standard, List<string> faults)
    {
        var folder = System.IO.Path.Combine(Path, "resources");
        var files = Directory.Exists(folder)
            ? Directory.EnumerateFiles(folder, "*.sql").Order(StringComparer.Ordinal).Select(f => MappingFile.Read(f, faults)).ToList()
            : [];
        var resources = new List<MappedResource>();
        foreach (var file in files.Where(f => f.ChildArray is null))
        {
            var model = standard.Find(file.Resource);
            if (model is null)
            {
                var nearest = Nearest.To(file.Resource.Endpoint, standard.Resources.Select(r => r.Name.Endpoint));
                faults.Add($"{file.FileName}: the {(IsOfExtension(file.Resource) ? "built-in model" : "data standard")} has no resource {file.Resource}"
                    + (IsOfExtension(file.Resource) ? "; 'rollcall sync model' reads the target's extensions into the folder." : nearest is null ? "" : $"; did you mean {nearest}?"));

                bool IsOfExtension(ResourceName name) => name.Namespace != DataStandard.CoreNamespace && standard.Projects.Length == 1;
            }
            else if (resources.Any(r => r.Model == model))
            {
                faults.Add($"{file.FileName}: another file maps {model.Name} already.");
            }
            else if (IsIncluded(model.Name))
            {
                resources.Add(new MappedResource(model, file, [.. files.Where(f => f.Stem == file.Stem && f.ChildArray is not null)]));
            }
        }

        faults.AddRange(files.Where(f => f.ChildArray is not null && !files.Any(m => m.ChildArray is null && m.Stem == f.Stem))
            .Select(f => $"{f.FileName}: there is no {f.Stem}.sql whose rows it could belong to."));
        foreach (var file in resources.SelectMany(r => r.Children.Prepend(r.File)))
        {
            faults.AddRange(file.Parameters.Where(p => !Parameters.ContainsKey(p)).Select(p =>
                $"{file.FileName}: nothing gives the parameter :{p} a value; put it under source.parameters of profile.yaml"
                + (Nearest.To(p, Parameters.Keys) is { } nearest ? $", or did you mean :{nearest}?" : ".")));
        }

        if (resources.Count == 0 && faults.Count == 0)
        {
            faults.Add($"{Path}: there is nothing to sync: resources/ has no SQL file that the profile includes.");
        }

        return resources;
    }

    private bool IsIncluded(ResourceName name)
    {
        bool Matches(string pattern) =>
            FileSystemName.MatchesSimpleExpression(pattern, name.Endpoint) || FileSystemName.MatchesSimpleExpression(pattern, name.ToString());
        return (Profile.Include.Count == 0 || Profile.Include.Any(Matches)) && !Profile.Exclude.Any(Matches);
    }

    private void CheckDeletes(DataStandard standard, List<string> faults) =>
        faults.AddRange(Profile.Deletes.PerResource.Keys
            .Where(n => ResourceName.TryParse(n) is not { } name || standard.Find(name) is null)
            .Select(n => $"profile.yaml: deletes.perResource names {n}, which the data standard does not have."));

    private byte[] ComputeFingerprint()
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        void Add(string name, string text) => hash.AppendData(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{name}\0{text}\0")));
        foreach (var (name, value) in Parameters.OrderBy(p => p.Key, StringComparer.Ordinal))
        {
            Add(name, string.Create(CultureInfo.InvariantCulture, $"{value}"));
        }

        foreach (var file in Resources.SelectMany(r => r.Children.Prepend(r.File)))
        {
            Add(file.FileName, file.Sql);
            Add("options", string.Join('\0', file.Expectations.Concat(file.Aliases.Select(a => a.Key + "=" + a.Value).Order(StringComparer.Ordinal))));
        }

        var model = System.IO.Path.Combine(Path, ModelFile);
        if (File.Exists(model))
        {
            Add(ModelFile, File.ReadAllText(model));
        }

        foreach (var (name, crosswalk) in Crosswalks.All.OrderBy(c => c.Key, StringComparer.Ordinal))
        {
            Add(name, crosswalk.Text);
        }

        return hash.GetHashAndReset()[..16];
    }
}
