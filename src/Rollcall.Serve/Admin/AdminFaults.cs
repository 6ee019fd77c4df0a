namespace Rollcall.Serve.Admin;

/// <summary>Everything that is wrong with a request, by the member that it is wrong with.</summary>
internal sealed class AdminFaults
{
    private readonly SortedDictionary<string, List<string>> _byMember = new(StringComparer.Ordinal);

    public IEnumerable<KeyValuePair<string, List<string>>> ByMember => _byMember;

    public bool Any => _byMember.Count > 0;

    /// <param name="member">In PascalCase, as the Admin API names members in errors.</param>
    public AdminFaults Add(string member, string message)
    {
        if (!_byMember.TryGetValue(member, out var messages))
        {
            _byMember[member] = messages = [];
        }

        messages.Add(message);
        return this;
    }
}
