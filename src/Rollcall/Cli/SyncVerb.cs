using System.CommandLine;

namespace Rollcall.Cli;

/// <summary><c>rollcall sync</c>: keeps an Ed-Fi API as a student information system's database says.</summary>
internal static class SyncVerb
{
    public static Command Create()
    {
        var sync = new Command("sync", "Keeps an Ed-Fi API as a student information system's database says.");
        foreach (var command in SyncRunVerbs.All().Concat(SyncFolderVerbs.All()).Concat(SyncRepairVerbs.All()).Concat(SyncAccountVerbs.All()).Append(SyncAuditVerb.Create()).Append(SyncWatchVerb.Create()))
        {
            sync.Add(command);
        }

        return sync;
    }
}
