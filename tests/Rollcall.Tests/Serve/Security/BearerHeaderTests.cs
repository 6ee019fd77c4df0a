using Microsoft.Extensions.Primitives;
using Rollcall.Serve.Security;

namespace Rollcall.Tests.Serve.Security;

public sealed class BearerHeaderTests
{
    [Theory]
    [InlineData("Bearer abc", "abc")]
    [InlineData("bearer abc", "abc")]
    [InlineData("BEARER    abc", "abc")]
    [InlineData("  Bearer abc  ", "abc")]
    public void A_good_header_yields_its_token(string header, string token)
    {
        Assert.Null(BearerCheck.TryReadToken(header, out var read));
        Assert.Equal(token, read.ToString());
    }

    [Fact]
    public void A_repeated_header_is_invalid()
    {
        Assert.Equal("Invalid Authorization header.", BearerCheck.TryReadToken(new StringValues(["Bearer a", "Bearer b"]), out _));
        Assert.Equal("Invalid Authorization header.", BearerCheck.TryReadToken(new StringValues(["", "Bearer b"]), out _));
    }

    [Fact]
    public void No_header_is_missing() => Assert.Equal("Authorization header is missing.", BearerCheck.TryReadToken(StringValues.Empty, out _));
}
