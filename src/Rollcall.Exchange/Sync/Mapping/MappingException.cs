namespace Rollcall.Exchange.Sync.Mapping;

/// <summary>A mapping folder that cannot be used: every fault that was found, each naming its file.</summary>
public sealed class MappingException(IReadOnlyList<string> faults) : Exception(string.Join(Environment.NewLine, faults))
{
    public MappingException(string fault)
        : this([fault])
    {
    }

    public IReadOnlyList<string> Faults { get; } = faults;
}
