namespace Rollcall.Tests.Conformance;

/// <summary>Names the rules of the API's reference that a test proves; <c>docs/conformance.md</c> is made from them.
/// The rules stand in <c>tests/Rollcall.IntegrationTests/Conformance/rules-*.tsv</c>.</summary>
/// <param name="ids">Section number and a word or two: <c>3.7.total-count</c>.</param>
[AttributeUsage(AttributeTargets.Method | AttributeTargets.Class, AllowMultiple = true)]
public sealed class RuleAttribute(params string[] ids) : Attribute
{
    public IReadOnlyList<string> Ids { get; } = ids;

    /// <summary>Over which stores the test runs, where its class does not say so by its name or its collection.</summary>
    public RuleStores Stores { get; init; }
}
