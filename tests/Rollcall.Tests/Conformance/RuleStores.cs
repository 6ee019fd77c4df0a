namespace Rollcall.Tests.Conformance;

/// <summary>Over which stores a rule's test runs.</summary>
public enum RuleStores
{
    /// <summary>What the names of the test, its class and its collection say.</summary>
    OfItsClass,

    /// <summary>The test itself runs over both.</summary>
    Both,

    /// <summary>No store has a part in the rule.</summary>
    None,
}
