using System.Security.Cryptography;
using System.Text;

namespace Rollcall.Exchange.Sync.Capture;

/// <summary>The name under which a profile's slot, publication, triggers and outbox stand in a source: two profiles of one source never share them.</summary>
internal static class CaptureName
{
    public static string Of(string profile) => "rollcall_" + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(profile)))[..10];
}
