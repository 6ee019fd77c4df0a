using System.Collections.Frozen;
using Microsoft.Extensions.Logging;
using Rollcall.Serve.Storage;
using Rollcall.Standard.Model;

namespace Rollcall.Serve.Profiles;

/// <summary>The profiles of a tenant: those of the server's files and those of the Admin API, compiled. Looks every two seconds of use
/// whether an administrator has changed them, here or at another server.</summary>
internal sealed class ProfileCatalog(IRegistryStore registry, IReadOnlyList<ProfileDefinition> fromFiles, DataStandard standard, TimeProvider time, ILogger logger) : IDisposable
{
    private static readonly TimeSpan FreshFor = TimeSpan.FromSeconds(2);

    private readonly SemaphoreSlim _reading = new(1);
    private volatile ProfileSet? _current;
    private long _askedAt;

    /// <param name="names">Names that the caller has to do with: one that is not known makes the profiles be looked at again.</param>
    public ValueTask<ProfileSet> CurrentAsync(IReadOnlyList<string> names, CancellationToken cancellationToken) =>
        _current is { } current && time.GetElapsedTime(Volatile.Read(ref _askedAt)) < FreshFor && current.Knows(names)
            ? new ValueTask<ProfileSet>(current)
            : ReadAsync(cancellationToken);

    /// <summary>Makes the next request look: what was changed through this server counts at once.</summary>
    public void Forget() => _current = null;

    public void Dispose() => _reading.Dispose();

    private async ValueTask<ProfileSet> ReadAsync(CancellationToken cancellationToken)
    {
        var calledAt = time.GetTimestamp();
        await _reading.WaitAsync(cancellationToken);
        try
        {
            var askedAt = time.GetTimestamp();
            var known = _current;
            if (known is not null && Volatile.Read(ref _askedAt) > calledAt)
            {
                // Somebody's look began after this call: one serves all who waited for it.
                return known;
            }

            if (known is null || known.Revision != await registry.RegistryRevisionAsync(cancellationToken))
            {
                var contents = await registry.ReadRegistryAsync(cancellationToken);
                known = Compile(contents, known);
                _current = known;
            }

            Volatile.Write(ref _askedAt, askedAt);
            return known;
        }
        finally
        {
            _reading.Release();
        }
    }

    private ProfileSet Compile(RegistryContents contents, ProfileSet? before)
    {
        var stored = contents.Items.Where(i => i.Kind == Admin.StoredProfile.Kind).Select(i => Admin.AdminJson.ReadProfile(i.Id, i.Body)).ToArray();
        var sources = fromFiles.Select(d => (d.Name, Text: (string?)null, Definition: d))
            .Concat(stored.Select(p => (p.Name, Text: (string?)p.Definition, Definition: (ProfileDefinition?)null!)));
        var all = new List<KnownProfile>();
        foreach (var (name, text, definition) in sources.DistinctBy(s => s.Name, StringComparer.OrdinalIgnoreCase))
        {
            // What has not changed is not compiled again.
            var same = before?.All.FirstOrDefault(k => k.Compilation.Name == name && k.Text == text);
            all.Add(same ?? new KnownProfile(text, Compile(name, text, definition)));
        }

        return new ProfileSet(contents.Revision, all);
    }

    private ProfileCompilation Compile(string name, string? text, ProfileDefinition? definition)
    {
        ProfileCompilation compilation;
        try
        {
            compilation = ProfileCompiler.Compile(definition ?? ProfileXml.Read(text!)[0] with { Name = name }, standard);
        }
        catch (InvalidDataException failure)
        {
            compilation = new ProfileCompilation(name, null, [failure.Message], []);
        }

        if (compilation.Errors.Count > 0)
        {
            logger.ProfileRejected(name, string.Join(" ", compilation.Errors));
        }
        else if (compilation.Warnings.Count > 0)
        {
            logger.ProfileWarned(name, string.Join(" ", compilation.Warnings));
        }

        return compilation;
    }
}

/// <param name="Text">The XML it was made of; null for one from a file.</param>
internal sealed record KnownProfile(string? Text, ProfileCompilation Compilation);

/// <summary>The profiles as of one revision of the registry.</summary>
internal sealed class ProfileSet
{
    private readonly FrozenDictionary<string, CompiledProfile> _byName;
    private readonly FrozenSet<string> _names;

    public ProfileSet(long revision, IReadOnlyList<KnownProfile> all)
    {
        Revision = revision;
        All = all;
        Usable = [.. all.Select(k => k.Compilation.Profile).OfType<CompiledProfile>()];
        _byName = Usable.ToFrozenDictionary(p => p.Name, StringComparer.OrdinalIgnoreCase);
        _names = all.Select(k => k.Compilation.Name).ToFrozenSet(StringComparer.OrdinalIgnoreCase);
    }

    public long Revision { get; }

    public IReadOnlyList<KnownProfile> All { get; }

    /// <summary>Those that were not rejected, in order of creation.</summary>
    public IReadOnlyList<CompiledProfile> Usable { get; }

    public CompiledProfile? Find(string name) => _byName.GetValueOrDefault(name);

    /// <summary>Whether there are such profiles, rejected or not.</summary>
    public bool Knows(IReadOnlyList<string> names)
    {
        for (var i = 0; i < names.Count; i++)
        {
            if (!_names.Contains(names[i]))
            {
                return false;
            }
        }

        return true;
    }
}
