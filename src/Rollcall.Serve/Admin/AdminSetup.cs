using Microsoft.Extensions.Logging;
using Rollcall.Serve.Authorization;
using Rollcall.Serve.Profiles;
using Rollcall.Serve.Security;
using Rollcall.Standard.Model;

namespace Rollcall.Serve.Admin;

/// <summary>Puts the Admin API and the profiles of a tenant together from what the server has open.</summary>
internal static class AdminSetup
{
    /// <summary>The profiles of the options' files with those of the tenant's registry.</summary>
    /// <exception cref="ServeStartException">A file is no profile definition, or one of its profiles can't be used: better no server than one that shows too much.</exception>
    public static ProfileCatalog Profiles(ServeOptions options, ServeStores home, DataStandard standard, TimeProvider time, ILogger logger)
    {
        var definitions = new List<ProfileDefinition>();
        foreach (var file in options.ProfileFiles)
        {
            try
            {
                definitions.AddRange(ProfileXml.Read(File.ReadAllText(file)));
            }
            catch (Exception failure) when (failure is InvalidDataException or IOException or UnauthorizedAccessException)
            {
                throw new ServeStartException($"--profile {file}: {failure.Message}", inner: failure);
            }
        }

        var rejected = definitions.Select(d => ProfileCompiler.Compile(d, standard)).FirstOrDefault(c => c.Errors.Count > 0);
        return rejected is null
            ? new ProfileCatalog(home.Registry, definitions, standard, time, logger)
            : throw new ServeStartException($"--profile: the profile {rejected.Name} can't be used. {string.Join(" ", rejected.Errors)}");
    }

    /// <summary>Null when the options do not ask for the Admin API.</summary>
    public static AdminEndpoints? Endpoints(
        ServeOptions options,
        string tenant,
        ServeStores home,
        Authorizer authorizer,
        ClientDirectory clients,
        ProfileCatalog profiles,
        IReadOnlyList<InstanceOptions> instances,
        DataStandard standard,
        SecretChecks secrets,
        TimeProvider time)
    {
        if (options.AdminKey is not { } key || options.AdminSecret is not { } secret)
        {
            return null;
        }

        var administration = new Administration(
            tenant, home.Credentials, home.Registry, new ClaimSetStore(home.Claims, standard), authorizer, clients, profiles, instances, standard, time);
        var tokens = new AccessTokens(home.Credentials, time, options.TokenLifetime, AccessTokens.AdminApi);
        return new AdminEndpoints(administration, new AdminTokens(key, secret, administration, tokens, secrets, time));
    }
}
