using System.IO.Compression;
using System.Text;
using System.Text.Json.Nodes;
using Rollcall.Serve.Storage;

namespace Rollcall.Tests.Serve.Storage;

/// <summary>Databases that Rollcall at commit b303cd7 wrote (format 1, SQLite and PostgreSQL), and what must be true of one once this Rollcall has opened it.</summary>
/// <remarks>In it: a school, a student, a course, a session with a course offering and its section, a deleted student, and a client. Signing keys were taken out.</remarks>
public static class OlderStore
{
    public static async Task<byte[]> ReadAsync(string name)
    {
        await using var file = File.OpenRead(RepositoryRoot.File("tests", "Rollcall.Tests", "Serve", "Storage", "Fixtures", name));
        await using var gzip = new GZipStream(file, CompressionMode.Decompress);
        using var bytes = new MemoryStream();
        await gzip.CopyToAsync(bytes);
        return bytes.ToArray();
    }

    public static async Task IsUsableAsync(IDocumentStore store, ICredentialStore clients)
    {
        var world = new World(store);
        Assert.Equal("Fixture", Assert.Single(await clients.ListClientsAsync(default)).Name);
        Assert.Equal("""{"studentUniqueId":"Gone"}""", Encoding.UTF8.GetString(Assert.Single((await world.DeletesAsync("students")).Items).KeyValues));
        Assert.Empty((await world.KeyChangesAsync("sections")).Items);

        // What is new works with what was there.
        var newest = await world.NewestAsync();
        var session = Assert.Single((await world.QueryAsync("sessions")).Documents);
        Assert.IsType<WriteOutcome.Updated>(await world.PutAsync(session.Id, "sessions", World.Session("Autumn", 10)));
        var section = Assert.Single((await world.QueryAsync("sections", min: newest + 1)).Documents);
        Assert.Equal("Autumn", JsonNode.Parse(section.Body)!["courseOfferingReference"]!["sessionName"]!.GetValue<string>());
        Assert.Equal(section.Id, Assert.Single((await world.KeyChangesAsync("sections")).Items).Id);
        await world.CreateAsync("studentSectionAssociations", World.SectionEnrollment("A", World.SectionReference("X", "C1", "Autumn", 10)));
        Assert.IsType<WriteOutcome.Referenced>(await world.DeleteAsync("sections", section.Id));
    }
}
