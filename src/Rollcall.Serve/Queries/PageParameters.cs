using System.Globalization;
using Rollcall.Standard.Model;

namespace Rollcall.Serve.Queries;

/// <summary>The parameters that page and window every list of the API, checked with the words of the reference.</summary>
internal readonly record struct PageParameters(long Offset, int Limit, bool WantsTotalCount, long? MinChangeVersion, long? MaxChangeVersion)
{
    /// <summary>Where a walk by cursor goes on; null for its first page and for paging by offset.</summary>
    public RowRange? Rows { get; init; }

    /// <summary>Whether the caller may go on with a token: it does not page by offset.</summary>
    public bool IsCursor { get; init; }

    /// <summary>The most documents on a page, and the number when none is asked for.</summary>
    public const int LimitMax = 500;

    private static readonly string[] Names = ["offset", "limit", "totalCount", "minChangeVersion", "maxChangeVersion"];

    /// <summary>What walks by cursor.</summary>
    public static readonly string[] CursorNames = ["pageToken", "pageSize"];

    /// <summary>What pages a list, in the order in which the address of partitions refuses it.</summary>
    public static readonly string[] PagingNames = ["pageToken", "pageSize", "limit", "offset", "totalCount"];

    public static bool IsName(string name) => Names.Contains(name, StringComparer.OrdinalIgnoreCase);

    public static bool IsCursorName(string name) => CursorNames.Contains(name, StringComparer.OrdinalIgnoreCase);

    /// <summary>Paging faults come first and alone; change versions only when paging is fine.</summary>
    public static QueryFault? Read(QueryParameters query, out PageParameters page)
    {
        page = default;
        return AddOffsets(query, ref page) ?? AddWindow(query, ref page);
    }

    /// <summary>The same where pages can also be walked by cursor; what is wrong with that comes first and alone, one fault of several.</summary>
    public static QueryFault? Read(QueryParameters query, ResourceModel resource, out PageParameters page)
    {
        page = default;
        if (CursorFault(query, resource, ref page) is { } fault)
        {
            return new QueryFault.Parameters([fault]);
        }

        return page.Rows is not null ? AddWindow(query, ref page) : AddOffsets(query, ref page) ?? AddWindow(query, ref page);
    }

    /// <summary>Only what bounds the change versions.</summary>
    public static QueryFault? ReadWindow(QueryParameters query, out PageParameters page)
    {
        page = default;
        return AddWindow(query, ref page);
    }

    private static string? CursorFault(QueryParameters query, ResourceModel resource, ref PageParameters page)
    {
        var (offset, limit, total, size) = (query.Find("offset"), query.Find("limit"), query.Find("totalCount"), query.Find("pageSize"));
        if (query.Find("pageToken") is not { } token)
        {
            page = page with { IsCursor = offset is null };
            return size is null ? null
                : offset is not null && limit is null ? "Use limit instead of pageSize when using limit/offset paging."
                : "PageToken is required when pageSize is specified.";
        }

        var rows = LimitMax;
        if (!RowRange.TryParse(token, resource, out var range))
        {
            return "The page token provided was invalid.";
        }

        if (offset is not null)
        {
            return "Both offset and pageToken parameters were provided, but they support alternative paging approaches and cannot be used together.";
        }

        if (limit is not null)
        {
            return "Use pageSize instead of limit when using cursor paging with pageToken.";
        }

        var isBoolean = TryParseBoolean(total ?? "false", out var wantsTotal);
        if (wantsTotal)
        {
            return "The totalCount parameter cannot be set to true when using cursor paging with pageToken.";
        }

        if (size is not null && (!TryParse(size, out rows) || rows > LimitMax))
        {
            return $"PageSize must be a value between 0 and {LimitMax}.";
        }

        page = page with { Rows = range, IsCursor = true, Limit = rows };
        return isBoolean ? null : "TotalCount must be a boolean value.";
    }

    private static QueryFault.Parameters? AddOffsets(QueryParameters query, ref PageParameters page)
    {
        var errors = new List<string>();
        var offset = 0;
        var limit = LimitMax;
        var total = false;
        if (query.Find("offset") is { } offsetText && !TryParse(offsetText, out offset))
        {
            errors.Add("Offset must be a numeric value greater than or equal to 0.");
        }

        if (query.Find("limit") is { } limitText && (!TryParse(limitText, out limit) || limit > LimitMax))
        {
            errors.Add($"Limit must be omitted or set to a numeric value between 0 and {LimitMax}.");
        }

        if (query.Find("totalCount") is { } totalText && !TryParseBoolean(totalText, out total))
        {
            errors.Add("TotalCount must be a boolean value.");
        }

        page = page with { Offset = offset, Limit = limit, WantsTotalCount = total };
        return errors.Count > 0 ? new QueryFault.Parameters(errors) : null;
    }

    private static QueryFault.Parameters? AddWindow(QueryParameters query, ref PageParameters page)
    {
        var errors = new List<string>();
        var min = ReadVersion(query, "minChangeVersion", "MinChangeVersion", errors);
        var max = ReadVersion(query, "maxChangeVersion", "MaxChangeVersion", errors);
        if (min > max)
        {
            errors.Add("MinChangeVersion must be less than or equal to MaxChangeVersion.");
        }

        page = page with { MinChangeVersion = min is 0 ? null : min, MaxChangeVersion = max };
        return errors.Count > 0 ? new QueryFault.Parameters(errors) : null;
    }

    /// <summary>A blank value counts as none.</summary>
    private static long? ReadVersion(QueryParameters query, string name, string title, List<string> errors)
    {
        if (query.Find(name) is not { } text || string.IsNullOrWhiteSpace(text))
        {
            return null;
        }

        if (long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var version))
        {
            return version;
        }

        errors.Add($"{title} must be a numeric value greater than or equal to 0.");
        return null;
    }

    private static bool TryParse(string text, out int number) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);

    private static bool TryParseBoolean(string text, out bool value)
    {
        value = text.Equals("true", StringComparison.OrdinalIgnoreCase);
        return value || text.Equals("false", StringComparison.OrdinalIgnoreCase);
    }
}
