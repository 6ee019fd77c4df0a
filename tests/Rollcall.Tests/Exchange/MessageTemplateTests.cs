using System.Net;
using System.Text;
using Rollcall.Exchange.Client;

namespace Rollcall.Tests.Exchange;

/// <summary>An API's messages, fit to be logged: no value of a record survives, and equal causes read the same.</summary>
public sealed class MessageTemplateTests
{
    private const string Body = """{"studentUniqueId":"604822","firstName":"Marvin","lastSurname":"Mockingbird","birthDate":"2011-05-03","schoolReference":{"schoolId":255901001}}""";

    [Theory]
    [InlineData("$.birthDate: The value '2011-13-03' is not valid for birthDate.", "$.birthDate: The value '…' is not valid for birthDate.")]
    [InlineData("The student Marvin Mockingbird (604822) exists already.", "The student … (…) exists already.")]
    [InlineData("$.addresses[3].city: too long", "$.addresses[*].city: too long")]
    [InlineData("The referenced 'School' item does not exist.", "The referenced '…' item does not exist.")]
    [InlineData("firstName is required.", "firstName is required.")]
    // The standard's refusals (security 8.6): an apostrophe is no quote, and action and element stay; who may what is in them.
    [InlineData(
        "The API client's assigned claim set (currently 'SIS Vendor') must grant permission of the 'Create' action on one of the following resource claims: SchoolYearType",
        "The API client's assigned claim set (currently '…') must grant permission of the 'Create' action on one of the following resource claims: SchoolYearType")]
    [InlineData(
        "No relationships have been established between the caller's education organization id claim ('255901') and the resource item's 'StudentUniqueId' value.",
        "No relationships have been established between the caller's education organization id claim ('…') and the resource item's 'StudentUniqueId' value.")]
    [InlineData("Violation of a key: (N'Smith'), which isn't 'Jones' of 'Lee'.", "Violation of a key: (N'…'), which isn't '…' of '…'.")]
    [InlineData("The student 'O'Brien' of \"D'Arcy\" is not known.", "The student '…' of \"…\" is not known.")]
    [InlineData("The 'id' property should not be included in the request body.", "The 'id' property should not be included in the request body.")]
    [InlineData("A natural key conflict occurred when attempting to create a new resource 'students' with studentUniqueId = MOCKINGBIRD.",
        "A natural key conflict occurred when attempting to create a new resource '…' with studentUniqueId = ….")]
    public void Values_are_masked_and_names_stay(string message, string expected) =>
        Assert.Equal(expected, MessageTemplate.Mask(message, Encoding.UTF8.GetBytes(Body)));

    [Fact]
    public void A_redirect_without_a_host_is_told_like_one_with_it()
    {
        using var response = new HttpResponseMessage(HttpStatusCode.Redirect);
        response.Headers.Location = new Uri("/login?who=Marvin", UriKind.Relative);
        Assert.Equal(
            "the API redirects to another path of its own; give the address that it redirects to", ProblemReader.Read(FailureStage.Read, response, default, default).Message);
    }

    [Fact]
    public void No_text_of_the_body_survives_wherever_the_API_puts_it()
    {
        foreach (var value in (string[])["604822", "Marvin", "Mockingbird", "2011-05-03", "255901001"])
        {
            foreach (var message in (string[])[$"bad {value}", $"bad '{value}'", $"x={value};", $"({value})", $"{value}: no", $"bad {value.ToUpperInvariant()}."])
            {
                Assert.DoesNotContain(value, MessageTemplate.Mask(message, Encoding.UTF8.GetBytes(Body)), StringComparison.OrdinalIgnoreCase);
            }
        }
    }

    [Fact]
    public void Two_records_with_one_fault_give_one_message()
    {
        string Of(string id) => MessageTemplate.Mask($"The student '{id}' of {id} is not known.", Encoding.UTF8.GetBytes($$"""{"studentUniqueId":"{{id}}"}"""));
        Assert.Equal(Of("A1"), Of("zebra"));
    }
}
