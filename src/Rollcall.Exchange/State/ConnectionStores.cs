using System.Collections;
using Microsoft.Extensions.Configuration;
using Rollcall.Databases;
using Rollcall.Exchange.Client;

namespace Rollcall.Exchange.State;

/// <summary>Opens the configuration store that the settings name.</summary>
public static class ConnectionStores
{
    /// <param name="folder">Where the plain file is looked for, and made when it is first written.</param>
    /// <param name="providers">Where databases that are not built in have their drivers; null for the folder beside the program.</param>
    /// <exception cref="InvalidDataException">The settings name no store that there is, or lack something that it needs.</exception>
    public static IConnectionStore Open(IConfiguration settings, IDictionary environment, string folder, TimeProvider time, ProviderFolder? providers = null)
    {
        var provider = settings["ConfigurationStore:Provider"] is { Length: > 0 } given ? given : "plainText";
        string Setting(string path) => settings[path] is { Length: > 0 } value ? SecretText.Resolve(value) : throw new InvalidDataException($"{path} is missing");
        try
        {
            return provider.ToUpperInvariant() switch
            {
                "PLAINTEXT" => new PlainTextStore(settings["ConfigurationStore:PlainText:File"] is { Length: > 0 } file
                    ? Path.GetFullPath(file)
                    : Publish.PublishArguments.Lying(PlainTextStore.FileName, folder) ?? Path.Combine(folder, PlainTextStore.FileName)),
                "POSTGRESQL" => new PostgresStore(
                    Setting("ConfigurationStore:PostgreSql:ConnectionString"),
                    settings["ConfigurationStore:PostgreSql:EncryptionPassword"] is { Length: > 0 } password ? SecretText.Resolve(password) : null),
                "AWSPARAMETERSTORE" => Aws(settings, environment, time),
                "SQLSERVER" => SqlServerStore.Open(providers ?? ProviderFolder.Default, Setting("ConfigurationStore:SqlServer:ConnectionString")),
                _ => throw new InvalidDataException($"--configurationStoreProvider: there is no store '{provider}'; there are plainText, postgreSql, sqlServer and awsParameterStore"),
            };
        }
        catch (ConnectionStoreException exception)
        {
            throw new InvalidDataException(exception.Message, exception);
        }
    }

    /// <summary>How the store compares names of connections, as the API Publisher does there.</summary>
    public static StringComparison NamesOf(IConfiguration settings) =>
        settings["ConfigurationStore:Provider"]?.ToUpperInvariant() is "POSTGRESQL" or "AWSPARAMETERSTORE" ? StringComparison.Ordinal : StringComparison.OrdinalIgnoreCase;

    private static AwsParameterStore Aws(IConfiguration settings, IDictionary environment, TimeProvider time)
    {
        var region = settings["ConfigurationStore:AwsParameterStore:Region"] is { Length: > 0 } given ? given
            : environment["AWS_REGION"] as string ?? environment["AWS_DEFAULT_REGION"] as string
            ?? throw new InvalidDataException("ConfigurationStore:AwsParameterStore:Region is missing");
        var endpoint = environment["AWS_ENDPOINT_URL_SSM"] is string { Length: > 0 } other ? new Uri(other) : null;
        return new AwsParameterStore(region, AwsCredentialSource.Find(environment, settings["ConfigurationStore:AwsParameterStore:Profile"]), endpoint, time);
    }
}
