using Rollcall.Serve.Queries;
using Rollcall.Standard.Documents;
using Rollcall.Standard.Loading;
using Rollcall.Standard.Model;

namespace Rollcall.Tests.Serve.Queries;

public sealed class QueryParserTests
{
    private static readonly DataStandard Standard = CompactModelReader.EdFi52;

    [Fact]
    public void Every_key_name_of_every_resource_is_a_field()
    {
        // The API Publisher asks for a deleted document by the names in keyValues.
        foreach (var resource in Standard.Resources)
        {
            foreach (var member in resource.Key)
            {
                Assert.True(resource.FindQueryField(member.Name) is not null, $"{resource}: {member.Name}");
            }
        }
    }

    [Fact]
    public void Nothing_means_the_largest_first_page()
    {
        var plan = Parse("students", null);
        Assert.Equal((0L, 500, false, null, null), (plan.Offset, plan.Limit, plan.WantsTotalCount, plan.Id, plan.MinChangeVersion));
        Assert.Empty(plan.Filters);
        Assert.False(plan.MatchesNothing);
    }

    [Fact]
    public void Encoded_names_and_values_are_decoded()
    {
        var plan = Parse("students", "?first%4Eame=Ada+B%26%20C&lastSurname=%2B");
        Assert.Equal(["Ada B& C", "+"], plan.Filters.Select(f => f.Value.Text));
    }

    [Fact]
    public void The_last_of_a_name_counts_whatever_its_case()
    {
        var plan = Parse("students", "?limit=x&LIMIT=7&firstName=a&FIRSTNAME=b");
        Assert.Equal(7, plan.Limit);
        Assert.Equal("b", Assert.Single(plan.Filters).Value.Text);
    }

    [Fact]
    public void Odd_ampersands_mean_nothing() => Assert.Equal(3, Parse("students", "?&&limit=3&").Limit);

    [Fact]
    public void A_zero_lower_bound_is_no_bound() => Assert.Null(Parse("students", "?minChangeVersion=0").MinChangeVersion);

    private static QueryPlan Parse(string resource, string? query)
    {
        Assert.Null(QueryParser.Parse(query, Standard.Core(resource), new DescriptorSet(1), Standard, out var plan));
        return plan!;
    }
}
