using System.Globalization;
using System.Text;
using Rollcall.Exchange.State;

namespace Rollcall.Tests.Exchange.State;

/// <summary>Amazon's published vectors for Signature Version 4: its test suite and the example of its documentation.</summary>
public sealed class AwsSignatureTests
{
    private static readonly AwsCredentials _example = new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", null);
    private static readonly DateTimeOffset _at = DateTimeOffset.ParseExact("20150830T123600Z", "yyyyMMdd'T'HHmmss'Z'", CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal);

    [Theory]
    [InlineData("get-vanilla", "GET", "", "", "", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31")]
    [InlineData("post-vanilla", "POST", "", "", "", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b")]
    [InlineData("get-vanilla-query-order-key-case", "GET", "Param2=value2&Param1=value1", "", "", "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500")]
    [InlineData("post-x-www-form-urlencoded", "POST", "", "application/x-www-form-urlencoded", "Param1=value1", "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a")]
    public void Requests_of_the_test_suite_are_signed_as_published(string name, string method, string query, string contentType, string body, string signature)
    {
        var headers = new List<KeyValuePair<string, string>> { new("Host", "example.amazonaws.com"), new("X-Amz-Date", AwsSignature.Timestamp(_at)) };
        if (contentType.Length > 0)
        {
            headers.Add(new("Content-Type", contentType));
        }

        var signed = AwsSignature.Authorization(
            _example, "us-east-1", "service", method, "/", Query(query), headers, Encoding.UTF8.GetBytes(body), _at);
        Assert.True(signed.EndsWith("Signature=" + signature, StringComparison.Ordinal), $"{name}: {signed}");
        Assert.StartsWith("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=", signed, StringComparison.Ordinal);
    }

    [Fact]
    public void The_documented_request_is_signed_as_documented()
    {
        var signed = AwsSignature.Authorization(
            _example, "us-east-1", "iam", "GET", "/", Query("Action=ListUsers&Version=2010-05-08"),
            [new("content-type", "application/x-www-form-urlencoded; charset=utf-8"), new("host", "iam.amazonaws.com"), new("x-amz-date", AwsSignature.Timestamp(_at))],
            [], _at);
        Assert.Equal(
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, SignedHeaders=content-type;host;x-amz-date, "
            + "Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7",
            signed);
    }

    [Fact]
    public void The_documented_key_is_derived_as_documented() => Assert.Equal(
        "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9",
        Convert.ToHexStringLower(AwsSignature.SigningKey(_example.SecretKey, "20150830", "us-east-1", "iam")));

    private static IEnumerable<KeyValuePair<string, string>> Query(string query) =>
        query.Split('&', StringSplitOptions.RemoveEmptyEntries).Select(p => p.Split('=')).Select(p => new KeyValuePair<string, string>(p[0], p[1]));
}
