using System.Collections;

namespace Rollcall.Exchange.State;

/// <summary>Finds AWS credentials where the AWS tools look first: environment, then the shared credentials file's profile.</summary>
public static class AwsCredentialSource
{
    /// <exception cref="ConnectionStoreException">There are none in these two places; others are not looked at.</exception>
    public static AwsCredentials Find(IDictionary environment, string? profile)
    {
        string? Variable(string name) => environment[name] is string { Length: > 0 } value ? value : null;
        if (string.IsNullOrEmpty(profile) && Variable("AWS_ACCESS_KEY_ID") is { } id && Variable("AWS_SECRET_ACCESS_KEY") is { } secret)
        {
            return new AwsCredentials(id, secret, Variable("AWS_SESSION_TOKEN"));
        }

        var name = string.IsNullOrEmpty(profile) ? Variable("AWS_PROFILE") ?? "default" : profile;
        var path = Variable("AWS_SHARED_CREDENTIALS_FILE")
            ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".aws", "credentials");
        var values = File.Exists(path) ? Section(File.ReadLines(path), name) : [];
        return values.TryGetValue("aws_access_key_id", out var fileId) && values.TryGetValue("aws_secret_access_key", out var fileSecret)
            ? new AwsCredentials(fileId, fileSecret, values.GetValueOrDefault("aws_session_token"))
            : throw new ConnectionStoreException(
                $"There are no AWS credentials: neither in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY nor under [{name}] in {path}. Roles of machines and containers are not supported.");
    }

    private static Dictionary<string, string> Section(IEnumerable<string> lines, string name)
    {
        var values = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        var isOurs = false;
        foreach (var line in lines.Select(l => l.Trim()).Where(l => l.Length > 0 && l[0] is not ('#' or ';')))
        {
            if (line[0] == '[')
            {
                isOurs = line.Trim('[', ']').Trim().Equals(name, StringComparison.Ordinal);
            }
            else if (isOurs && line.Split('=', 2) is [var key, var value])
            {
                values[key.Trim()] = value.Trim();
            }
        }

        return values;
    }
}
