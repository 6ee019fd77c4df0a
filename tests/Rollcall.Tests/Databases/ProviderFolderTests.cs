using System.Data.Common;
using System.Runtime.Loader;
using Rollcall.Databases;

namespace Rollcall.Tests.Databases;

/// <summary>Drivers from a folder, tried with a copy of a real one: SQLite's.</summary>
public sealed class ProviderFolderTests : IDisposable
{
    private const string Name = "Microsoft.Data.Sqlite";

    private readonly string _folder = Directory.CreateTempSubdirectory("rollcall-providers-").FullName;

    [Theory]
    [InlineData("")]
    [InlineData("sqlite")]
    public async Task A_provider_is_loaded_from_its_folder_and_works(string subfolder)
    {
        var file = Put(subfolder, Name + ".dll");
        var factory = new ProviderFolder(_folder).Find(Name)!;
        var assembly = factory.GetType().Assembly;
        Assert.Equal(file, assembly.Location);
        Assert.NotSame(AssemblyLoadContext.Default, AssemblyLoadContext.GetLoadContext(assembly));
        await using DbDataSource database = factory.CreateDataSource("Data Source=:memory:");
        await using var command = database.CreateCommand("select 'from ' || 'the folder'");
        Assert.Equal("from the folder", await command.ExecuteScalarAsync(TestContext.Current.CancellationToken));
        Assert.Same(factory, new ProviderFolder(_folder).Find(Name));
    }

    [Fact]
    public void A_folder_without_the_provider_or_no_folder_has_none()
    {
        Put("", Name + ".dll");
        Assert.Null(new ProviderFolder(_folder).Find("Oracle.ManagedDataAccess.Client"));
        Assert.Null(new ProviderFolder(Path.Combine(_folder, "missing")).Find(Name));
    }

    [Fact]
    public void An_assembly_whose_name_begins_the_providers_must_have_it()
    {
        Put("", "Oracle.ManagedDataAccess.dll");
        var fault = Assert.Throws<DatabaseUnusableException>(() => new ProviderFolder(_folder).Find("Oracle.ManagedDataAccess.Client"));
        Assert.Contains("has no ADO.NET provider of the name Oracle.ManagedDataAccess.Client", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_that_is_no_assembly_is_named()
    {
        File.WriteAllText(Path.Combine(_folder, "MySqlConnector.dll"), "text");
        var fault = Assert.Throws<DatabaseUnusableException>(() => new ProviderFolder(_folder).Find("MySqlConnector"));
        Assert.Contains("MySqlConnector.dll cannot be loaded", fault.Message, StringComparison.Ordinal);
    }

    private string Put(string subfolder, string name)
    {
        var path = Path.Combine(Directory.CreateDirectory(Path.Combine(_folder, subfolder)).FullName, name);
        File.Copy(Path.Combine(AppContext.BaseDirectory, Name + ".dll"), path);
        return path;
    }

    public void Dispose()
    {
        // A loaded assembly is mapped from its file, which Windows therefore keeps.
        if (!OperatingSystem.IsWindows())
        {
            Directory.Delete(_folder, recursive: true);
        }
    }
}
