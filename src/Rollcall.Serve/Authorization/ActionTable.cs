using System.Collections.Immutable;

namespace Rollcall.Serve.Authorization;

/// <summary>Authorization strategies by action. An action that is not there is not granted (in a grant) or not defined (in a claim's
/// defaults); one that is there without strategies is granted with the defaults.</summary>
public readonly struct ActionTable
{
    private static readonly ClaimAction[] All = Enum.GetValues<ClaimAction>();

    /// <summary>By action; a default array is an action that is not there. Null when no action is there.</summary>
    private readonly ImmutableArray<string>[]? _strategies;

    private ActionTable(ImmutableArray<string>[]? strategies) => _strategies = strategies;

    public static ActionTable Empty => default;

    public bool IsEmpty => _strategies is null;

    /// <summary>The actions that are there, in the order of <see cref="ClaimAction"/>.</summary>
    public IEnumerable<ClaimAction> Actions
    {
        get
        {
            var table = this;
            return All.Where(table.Has);
        }
    }

    public bool Has(ClaimAction action) => _strategies is not null && !_strategies[(int)action].IsDefault;

    /// <summary>The strategies of an action; none when it is not there.</summary>
    public ImmutableArray<string> Strategies(ClaimAction action) => Has(action) ? _strategies![(int)action] : [];

    public ActionTable With(ClaimAction action, IEnumerable<string> strategies)
    {
        var copy = Copy();
        copy[(int)action] = [.. strategies];
        return new ActionTable(copy);
    }

    public ActionTable Without(ClaimAction action)
    {
        var copy = Copy();
        copy[(int)action] = default;
        return new ActionTable(Array.TrueForAll(copy, s => s.IsDefault) ? null : copy);
    }

    private ImmutableArray<string>[] Copy() => _strategies is null ? new ImmutableArray<string>[All.Length] : [.. _strategies];
}
