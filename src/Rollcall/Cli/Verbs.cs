using System.CommandLine;

namespace Rollcall.Cli;

/// <summary>The verbs, in the order in which help lists them.</summary>
internal static class Verbs
{
    public static IEnumerable<Command> All() =>
    [
        DemoVerb.Create(),
        ServeVerb.Create(),
        LoadVerb.Create(),
        PublishVerb.Create(),
        ConnectionsVerb.Create(),
        VerifyVerb.Create(),
        SyncVerb.Create(),
        ModelVerb.Create(),
    ];
}
