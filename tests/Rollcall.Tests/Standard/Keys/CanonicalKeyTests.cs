using System.Security.Cryptography;
using System.Text;
using Rollcall.Standard.Keys;

namespace Rollcall.Tests.Standard.Keys;

/// <summary>The bytes that a natural key is hashed from, as docs/formats/hash.md specifies them.</summary>
public sealed class CanonicalKeyTests
{
    [Fact]
    public void Values_are_folded_and_each_is_ended_by_a_zero()
    {
        var key = new CanonicalKey(stackalloc byte[8]);
        key.Append("Grand Bend");
        key.Append("é straße"u8);
        key.Append(-255901001L);
        key.Append(ReadOnlySpan<byte>.Empty);
        Assert.Equal("GRAND BEND\0É STRAßE\0-255901001\0\0", Encoding.UTF8.GetString(key.Bytes));
    }

    [Theory]
    [InlineData("plain")]
    [InlineData("Ünïcödé ʼn ſ ı İ")]
    [InlineData("𐐨 \ud83d\ude00")]
    [InlineData("")]
    public void Text_and_its_UTF_8_give_the_same_bytes(string text)
    {
        var a = new CanonicalKey([]);
        var b = new CanonicalKey([]);
        a.Append(text);
        b.Append(Encoding.UTF8.GetBytes(text));
        Assert.Equal(a.Bytes.ToArray(), b.Bytes.ToArray());
        Assert.Equal(Encoding.UTF8.GetBytes(text.ToUpperInvariant() + "\0"), a.Bytes.ToArray());
    }

    [Fact]
    public void A_value_cannot_run_into_the_next()
    {
        var a = new CanonicalKey([]);
        a.Append("ab");
        a.Append("c");
        var b = new CanonicalKey([]);
        b.Append("a");
        b.Append("bc");
        Assert.NotEqual(a.Hash(), b.Hash());
    }

    [Fact]
    public void The_hash_is_the_beginning_of_SHA_256()
    {
        var key = new CanonicalKey([]);
        key.Append("604822");
        var expected = SHA256.HashData("604822\0"u8)[..16];
        Assert.Equal(Convert.ToHexStringLower(expected), key.Hash().ToString());
        Assert.Equal(expected, key.Hash().ToArray());
        Assert.Equal(key.Hash(), KeyHash.Read(expected));
        Assert.Equal(key.Hash(), KeyHash.FromGuid(key.Hash().ToGuid()));
    }

    [Fact]
    public void The_example_of_the_format_page_holds()
    {
        var key = new CanonicalKey([]);
        key.Append("ALG-1");
        key.Append(255901001);
        key.Append("2022");
        key.Append("2021-2022 Fall Semester");
        var expected = Convert.ToHexStringLower(SHA256.HashData("ALG-1\0255901001\02022\02021-2022 FALL SEMESTER\0"u8))[..32];
        Assert.Equal(expected, key.Hash().ToString());
        Assert.Contains($"`{expected}`", File.ReadAllText(RepositoryRoot.File("docs", "formats", "hash.md")), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("ı", "ı")]
    [InlineData("ß", "ß")]
    [InlineData("ſ", "S")]
    [InlineData("𐐨", "𐐀")]
    [InlineData("ÿ", "Ÿ")]
    public void Folding_maps_one_character_to_one(string text, string folded) => Assert.Equal(folded, Fold.Text(text));
}
