using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Rollcall.Serve.Security;

/// <summary>How a client's secret is kept: salted PBKDF2, slow on purpose, so that a stolen database does not give the secrets away.</summary>
/// <remarks>Written as <c>pbkdf2-sha512$iterations$salt$hash</c>, so that the count can rise without invalidating what is stored.</remarks>
public static class SecretHash
{
    /// <summary>Rounds of a hash that is made now: the OWASP recommendation for PBKDF2-HMAC-SHA512. Only tests that make some hundred clients set less.</summary>
    internal static int Iterations { get; set; } = 210_000;

    private const string Scheme = "pbkdf2-sha512";
    private const int SaltBytes = 16;
    private const int HashBytes = 32;

    /// <summary>Fits no secret, and takes as long to find that out as the hash of a client: for keys that nobody has.</summary>
    public static string Decoy => Write(new byte[SaltBytes], new byte[HashBytes]);

    public static string Create(string secret)
    {
        var salt = RandomNumberGenerator.GetBytes(SaltBytes);
        var hash = Derive(secret, salt, Iterations, HashBytes);
        return Write(salt, hash);
    }

    /// <summary>Compares in constant time. A text that is no hash matches nothing.</summary>
    public static bool Verify(string secret, string stored)
    {
        if (stored.Split('$') is not [Scheme, var count, var salt, var expected]
            || !int.TryParse(count, NumberStyles.None, CultureInfo.InvariantCulture, out var iterations)
            || iterations < 1)
        {
            return false;
        }

        var expectedBytes = Convert.FromBase64String(expected);
        var actual = Derive(secret, Convert.FromBase64String(salt), iterations, expectedBytes.Length);
        return CryptographicOperations.FixedTimeEquals(actual, expectedBytes);
    }

    /// <summary>A new secret: 32 letters and digits, which no client mangles on its way through headers and forms.</summary>
    public static string NewSecret() => RandomNumberGenerator.GetString("ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789", 32);

    /// <summary>A new key: 16 letters and digits.</summary>
    public static string NewKey() => RandomNumberGenerator.GetString("ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789", 16);

    private static string Write(byte[] salt, byte[] hash) =>
        string.Create(CultureInfo.InvariantCulture, $"{Scheme}${Iterations}${Convert.ToBase64String(salt)}${Convert.ToBase64String(hash)}");

    private static byte[] Derive(string secret, byte[] salt, int iterations, int length) =>
        Rfc2898DeriveBytes.Pbkdf2(Encoding.UTF8.GetBytes(secret), salt, iterations, HashAlgorithmName.SHA512, length);
}
