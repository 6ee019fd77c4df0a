using System.Text.Json;
using Rollcall.Databases;
using Rollcall.Exchange.Client;
using Rollcall.Exchange.State;

namespace Rollcall.Cli;

/// <summary>What the verbs that are clients of an Ed-Fi API have in common at their edge: failures to exit codes, and JSON results.</summary>
internal static class ExchangeErrors
{
    /// <summary>Runs a verb; an API that fails us is exit 5, a setting or file that is wrong exit 4.</summary>
    public static Task<int> GuardAsync(string verb, bool isJson, Func<Task<int>> run) => GuardAsync(verb, () => isJson, run);

    /// <param name="isJson">Asked when something has failed: it may stand in a file that the verb reads.</param>
    public static async Task<int> GuardAsync(string verb, Func<bool> isJson, Func<Task<int>> run)
    {
        try
        {
            return await run();
        }
        catch (CliException failure)
        {
            PrintOutcome(verb, isJson(), failure.ExitCode == ExitCodes.Unavailable ? "unavailable" : "usage", failure.Message);
            throw;
        }
        catch (OperationCanceledException)
        {
            PrintOutcome(verb, isJson(), "interrupted", "interrupted");
            throw;
        }
        catch (ApiException failure)
        {
            PrintOutcome(verb, isJson(), "unavailable", failure.Message);
            throw new CliException(ExitCodes.Unavailable, failure.Message + Advice(failure.Failure), failure);
        }
        catch (ConnectionStoreException failure)
        {
            PrintOutcome(verb, isJson(), "unavailable", failure.Message);
            throw new CliException(ExitCodes.Unavailable, failure.Message, failure);
        }
        catch (InvalidDataException fault)
        {
            PrintOutcome(verb, isJson(), "usage", fault.Message);
            throw new CliException(ExitCodes.Usage, fault.Message, fault);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException or DatabaseUnusableException)
        {
            PrintOutcome(verb, isJson(), "usage", fault.Message);
            throw new CliException(ExitCodes.Usage, fault.Message, fault);
        }
    }

    /// <summary>Writes the one JSON result to stdout.</summary>
    public static void PrintJson(Action<Utf8JsonWriter> write)
    {
        using var stdout = Console.OpenStandardOutput();
        using (var json = new Utf8JsonWriter(stdout, new JsonWriterOptions
        {
            Indented = true,
            Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        }))
        {
            write(json);
        }

        stdout.WriteByte((byte)'\n');
    }

    /// <summary>With <c>--json</c>, the result of a verb that could not do its work.</summary>
    public static void PrintOutcome(string verb, bool isJson, string outcome, string message)
    {
        if (isJson)
        {
            PrintJson(json =>
            {
                json.WriteStartObject();
                json.WriteString("verb", verb);
                json.WriteString("outcome", outcome);
                json.WriteString("message", message);
                json.WriteEndObject();
            });
        }
    }

    private static string Advice(ApiFailure failure) => failure.Kind switch
    {
        FailureKind.Authentication => " Are key and secret those of this API?",
        FailureKind.Connection or FailureKind.Timeout => " Is the address right, and the API up?",
        _ => "",
    };
}
