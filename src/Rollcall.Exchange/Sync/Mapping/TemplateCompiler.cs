using System.Text;
using Rollcall.Standard.Model;

namespace Rollcall.Exchange.Sync.Mapping;

/// <summary>A query's file with the columns that the database says it has.</summary>
internal readonly record struct DescribedFile(MappingFile File, IReadOnlyList<string> Columns);

/// <summary>Compiles a resource's files into a <see cref="DocumentTemplate"/>; every alias that is no path of the resource is a fault.</summary>
internal sealed class TemplateCompiler
{
    /// <summary>Prefix of the columns that the engine adds for <c>expect</c>.</summary>
    public const string ExpectColumn = "@expect";

    private readonly ResourceModel _resource;
    private readonly CrosswalkSet _crosswalks;
    private readonly List<string> _faults;
    private readonly List<Binding> _bindings = [];
    private readonly List<(PropertyPath Path, int Binding)> _fills = [];
    private readonly Draft _root;

    private TemplateCompiler(ResourceModel resource, CrosswalkSet crosswalks, List<string> faults)
    {
        (_resource, _crosswalks, _faults) = (resource, crosswalks, faults);
        _root = new Draft(resource.Root, "");
    }

    /// <summary>Adds to <paramref name="faults"/> what is wrong; the result is of use only when nothing was added.</summary>
    public static DocumentTemplate Compile(
        ResourceModel resource, DescribedFile main, IReadOnlyList<DescribedFile> children, CrosswalkSet crosswalks, List<string> faults) =>
        new TemplateCompiler(resource, crosswalks, faults).Compile(main, children);

    private DocumentTemplate Compile(DescribedFile main, IReadOnlyList<DescribedFile> children)
    {
        // 1. The resource's own columns.
        var control = Controls(main, ["@source_key", "@scope", "@omit", "@changed"]);
        foreach (var (alias, column) in Aliases(main))
        {
            if (!Bare(main, alias, column))
            {
                Exact(main, _root, _resource.Root, alias, column, _bindings);
            }
        }

        // 2. The columns of child files, each below its array.
        var childDrafts = new List<(DescribedFile File, Draft Item, List<Binding> Bindings, Dictionary<string, int> Control)>();
        foreach (var child in children)
        {
            var array = _resource.Root.Find(child.File.ChildArray!);
            if (array is not { Type: PropertyType.Array })
            {
                var arrays = _resource.Root.Properties.Where(p => p.Type == PropertyType.Array).Select(p => p.Name);
                _faults.Add($"{child.File.FileName}: {_resource.Name} has no array {child.File.ChildArray}{DidYouMean(child.File.ChildArray!, arrays)}");
                continue;
            }

            var draft = new Draft(array.Members!, array.Name + "[*].");
            var bindings = new List<Binding>();
            foreach (var (alias, column) in Aliases(child))
            {
                Exact(child, draft, array.Members!, alias, column, bindings);
            }

            var childControl = Controls(child, ["@parent"]);
            if (!childControl.ContainsKey("@parent") || !control.ContainsKey("@source_key"))
            {
                _faults.Add($"{child.File.FileName}: a child file needs a column \"@parent\", and the resource's own file \"@source_key\", to be joined by.");
            }

            _root.Array(array).Child = childDrafts.Count;
            _root.Array(array).Items[-1] = draft;
            childDrafts.Add((child, draft, bindings, childControl));
        }

        // 3. Key unification: a bare identity name fills every place where nothing else was mapped.
        foreach (var (path, binding) in _fills)
        {
            Fill(_root, path.Steps.AsSpan(), binding, fromParent: false);
        }

        // 4. What is required must be mapped: a document without it could only be refused, row by row.
        CheckRequired(main.File, _root);

        return new DocumentTemplate
        {
            Resource = _resource,
            File = main.File,
            Columns = main.Columns,
            SourceKeyColumn = control.GetValueOrDefault("@source_key", -1),
            ScopeColumn = control.GetValueOrDefault("@scope", -1),
            OmitColumn = control.GetValueOrDefault("@omit", -1),
            ChangedColumn = control.GetValueOrDefault("@changed", -1),
            ExpectColumns = Expectations(main),
            Bindings = [.. _bindings],
            Crosswalks = _crosswalks,
            Root = Build(_root),
            Children = [.. childDrafts.Select(c => new ChildTemplate
            {
                File = c.File.File,
                Columns = c.File.Columns,
                ParentColumn = c.Control.GetValueOrDefault("@parent", -1),
                ExpectColumns = Expectations(c.File),
                Bindings = [.. c.Bindings],
                Item = Build(c.Item),
            })],
            KeyBindings = [.. _resource.Key.Select(KeyBinding)],
        };
    }

    private static Dictionary<string, int> Named(DescribedFile file) =>
        file.Columns.Select((c, i) => (c, i)).Where(x => x.c.StartsWith('@')).DistinctBy(x => x.c).ToDictionary(x => x.c, x => x.i, StringComparer.Ordinal);

    private static int[] Expectations(DescribedFile file) =>
        [.. file.File.Expectations.Select((_, i) => file.Columns.ToList().IndexOf(ExpectColumn + i))];

    private Dictionary<string, int> Controls(DescribedFile file, string[] known)
    {
        var found = Named(file);
        foreach (var name in found.Keys.Where(n => !known.Contains(n, StringComparer.Ordinal) && !n.StartsWith(ExpectColumn, StringComparison.Ordinal)))
        {
            _faults.Add($"{file.File.FileName}: unknown control column \"{name}\"; a file like this may have {string.Join(", ", known)}.");
        }

        foreach (var twice in file.Columns.GroupBy(c => c, StringComparer.Ordinal).Where(g => g.Count() > 1))
        {
            _faults.Add($"{file.File.FileName}: the query has two columns \"{twice.Key}\".");
        }

        return found;
    }

    private static IEnumerable<(string Alias, int Column)> Aliases(DescribedFile file) =>
        file.Columns.Select((c, i) => (Alias: file.File.Aliases.GetValueOrDefault(c, c), i)).Where(a => !a.Alias.StartsWith('@'));

    /// <summary>A bare name that the key or key unification knows: fills all the places that hold the same value.</summary>
    private bool Bare(DescribedFile file, string alias, int column)
    {
        if (alias.AsSpan().ContainsAny('.', '['))
        {
            return false;
        }

        var own = _resource.Root.Find(alias) is { Members: null } ? PropertyPath.Resolve(_resource.Root, "$." + alias) : null;
        PropertyPath[] places = own is not null ? [own] : [.. _resource.Key.FirstOrDefault(k => k.Name == alias)?.Paths ?? []];
        if (places.Length == 0)
        {
            return false;
        }

        var all = places.ToDictionary(p => p.Text, StringComparer.Ordinal);
        foreach (var set in _resource.Equalities.Where(e => !e.IsDmsOnly && e.Paths.Any(p => all.ContainsKey(p.Text))))
        {
            foreach (var path in set.Paths)
            {
                all.TryAdd(path.Text, path);
            }
        }

        var binding = Bind(file, _bindings, places[0].Leaf, alias, column);
        if (own is not null)
        {
            _root.Scalars[own.Leaf.Name] = new DraftScalar(binding, false, true);
            all.Remove(own.Text);
        }

        _fills.AddRange(all.Values.Select(p => (p, binding)));
        return true;
    }

    private void Exact(DescribedFile file, Draft draft, ObjectModel model, string alias, int column, List<Binding> bindings)
    {
        if (AliasPath.Resolve(model, alias) is not { } steps)
        {
            var cut = Encoding.UTF8.GetByteCount(alias) == 63
                ? " PostgreSQL cuts names at 63 bytes: give a longer path by a header line, -- alias short_name = the.path"
                : "";
            var candidates = AliasPath.All(model).Concat(ReferenceEquals(model, _resource.Root) ? _resource.Key.Select(k => k.Name) : []);
            _faults.Add($"{file.File.FileName}: the alias \"{alias}\" is no path of {_resource.Name}{DidYouMean(alias, candidates)}{cut}");
            return;
        }

        foreach (var step in steps.SkipLast(1))
        {
            draft = step.Index >= 0 ? draft.Item(step.Property, step.Index) : draft.Object(step.Property);
        }

        var leaf = steps[^1];
        var binding = Bind(file, bindings, leaf.Property, alias, column);
        if (leaf.IsJson)
        {
            draft.Array(leaf.Property).Json = binding;
        }
        else
        {
            draft.Scalars[leaf.Property.Name] = new DraftScalar(binding, false, true);
        }
    }

    private int Bind(DescribedFile file, List<Binding> bindings, PropertyModel property, string path, int column)
    {
        bindings.Add(new Binding(column, property, path, _crosswalks.For(property), file.Columns[column]));
        return bindings.Count - 1;
    }

    private static string DidYouMean(string name, IEnumerable<string> candidates) =>
        Nearest.To(name, candidates) is { } nearest ? $"; did you mean \"{nearest}\"?" : ".";

    /// <summary>Puts a unified value where nothing is mapped: into every item of an array, but never so that an array comes to be.</summary>
    private static void Fill(Draft draft, ReadOnlySpan<PropertyModel> steps, int binding, bool fromParent)
    {
        var step = steps[0];
        if (steps.Length == 1)
        {
            draft.Scalars.TryAdd(step.Name, new DraftScalar(binding, fromParent, false));
        }
        else if (step.Type != PropertyType.Array)
        {
            Fill(draft.Object(step), steps[1..], binding, fromParent);
        }
        else if (draft.Arrays.TryGetValue(step.Name, out var array))
        {
            foreach (var (index, item) in array.Items)
            {
                Fill(item, steps[1..], binding, fromParent || index < 0);
            }
        }
    }

    /// <summary>Reports required members without a source, and forgets optional objects that only unification has touched.</summary>
    private bool CheckRequired(MappingFile file, Draft draft)
    {
        foreach (var (name, inner) in draft.Objects.ToArray())
        {
            var property = draft.Model.Find(name)!;
            if (!inner.HasExplicit && inner.Model.Properties.Any(p => inner.Requires(p) && !inner.Has(p.Name)) && !property.IsRequired)
            {
                draft.Objects.Remove(name);
                continue;
            }

            CheckRequired(file, inner);
        }

        foreach (var item in draft.Arrays.Values.SelectMany(a => a.Items.Values))
        {
            CheckRequired(file, item);
        }

        foreach (var missing in draft.Model.Properties.Where(p => draft.Requires(p) && !draft.Has(p.Name)))
        {
            var below = missing.Type is PropertyType.Reference or PropertyType.Object
                ? " (" + string.Join(", ", missing.Members!.Properties.Where(p => p.IsRequired || missing.Type == PropertyType.Reference).Select(p => p.Name)) + ")" : "";
            _faults.Add($"{file.FileName}: nothing is mapped to {draft.Prefix}{missing.Name}{below}, which {_resource.Name} requires.");
        }

        return true;
    }

    private int KeyBinding(KeyMember member)
    {
        foreach (var path in member.Paths)
        {
            var draft = _root;
            foreach (var step in path.Steps.SkipLast(1))
            {
                draft = draft?.Objects.GetValueOrDefault(step.Name);
            }

            if (draft?.Scalars.TryGetValue(path.Leaf.Name, out var scalar) == true)
            {
                return scalar.Binding;
            }
        }

        return -1;
    }

    private static ObjectTemplate Build(Draft draft)
    {
        var members = new List<TemplateMember>();
        foreach (var property in draft.Model.Properties)
        {
            TemplateNode? node = draft.Scalars.TryGetValue(property.Name, out var scalar) ? new ScalarTemplate(scalar.Binding, scalar.FromParent)
                : draft.Objects.TryGetValue(property.Name, out var inner) ? Build(inner)
                : draft.Arrays.TryGetValue(property.Name, out var array) ? new ArrayTemplate
                {
                    Path = draft.Prefix + property.Name,
                    Items = [.. array.Items.Where(i => i.Key >= 0).OrderBy(i => i.Key).Select(i => Build(i.Value))],
                    Child = array.Child,
                    JsonBinding = array.Json,
                }
                : null;
            if (node is not null)
            {
                members.Add(new TemplateMember(Encoding.UTF8.GetBytes($"\"{property.Name}\":"), node, draft.Requires(property)));
            }
        }

        var leaves = draft.Leaves().ToArray();
        var deciding = leaves.Any(l => l.IsExplicit) ? leaves.Where(l => l.IsExplicit) : leaves;
        return new ObjectTemplate
        {
            Path = draft.Prefix.TrimEnd('.'),
            Members = [.. members],
            Presence = [.. deciding.Select(l => new ScalarTemplate(l.Binding, l.FromParent))],
            HasArrays = draft.Arrays.Count > 0 || draft.Objects.Values.Any(o => o.Arrays.Count > 0),
        };
    }

    private readonly record struct DraftScalar(int Binding, bool FromParent, bool IsExplicit);

    /// <summary>An object of the document while the aliases are being gathered.</summary>
    private sealed class Draft(ObjectModel model, string prefix, bool isReference = false)
    {
        public ObjectModel Model { get; } = model;

        public string Prefix { get; } = prefix;

        /// <summary>Every field of a reference is required once it is there.</summary>
        public bool Requires(PropertyModel property) => property.IsRequired || isReference;

        public Dictionary<string, DraftScalar> Scalars { get; } = new(StringComparer.Ordinal);

        public Dictionary<string, Draft> Objects { get; } = new(StringComparer.Ordinal);

        public Dictionary<string, DraftArray> Arrays { get; } = new(StringComparer.Ordinal);

        public bool HasExplicit => Leaves().Any(l => l.IsExplicit) || Arrays.Count > 0;

        public bool Has(string name) => Scalars.ContainsKey(name) || Objects.ContainsKey(name) || Arrays.ContainsKey(name);

        public Draft Object(PropertyModel property) =>
            Objects.TryGetValue(property.Name, out var inner) ? inner : Objects[property.Name] = new Draft(property.Members!, $"{Prefix}{property.Name}.", property.Type == PropertyType.Reference);

        public DraftArray Array(PropertyModel property) =>
            Arrays.TryGetValue(property.Name, out var array) ? array : Arrays[property.Name] = new DraftArray();

        public Draft Item(PropertyModel property, int index)
        {
            var items = Array(property).Items;
            return items.TryGetValue(index, out var item) ? item : items[index] = new Draft(property.Members!, $"{Prefix}{property.Name}[{index}].");
        }

        /// <summary>The scalars of this object and the objects in it, not of arrays.</summary>
        public IEnumerable<DraftScalar> Leaves() => Scalars.Values.Concat(Objects.Values.SelectMany(o => o.Leaves()));
    }

    private sealed class DraftArray
    {
        public Dictionary<int, Draft> Items { get; } = [];

        public int Child { get; set; } = -1;

        public int Json { get; set; } = -1;
    }
}
