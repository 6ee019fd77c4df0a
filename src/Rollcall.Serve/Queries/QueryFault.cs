namespace Rollcall.Serve.Queries;

/// <summary>What is wrong with a query string: the findings of the first kind that has any.</summary>
public abstract record QueryFault
{
    private QueryFault()
    {
    }

    /// <summary>Paging or change versions out of their bounds.</summary>
    public sealed record Parameters(IReadOnlyList<string> Errors) : QueryFault;

    /// <summary>Names that cannot be asked for here.</summary>
    public sealed record Fields(IReadOnlyList<string> Errors) : QueryFault
    {
        public static Fields Unknown(string name) => new([$"The query field '{name}' is not valid for this resource."]);
    }

    /// <summary>Values that the fields' types do not allow.</summary>
    public sealed record Values(IReadOnlyList<QueryValueError> Errors) : QueryFault;
}

/// <param name="Path">The field's path in the resource's body.</param>
public readonly record struct QueryValueError(string Path, string Message);
