using System.CommandLine;
using System.CommandLine.Parsing;
using System.Text.RegularExpressions;

namespace Rollcall.Cli;

/// <summary>Says what is wrong with a command line, and what was probably meant.</summary>
internal static partial class UsageFaults
{
    /// <summary>One line per fault; empty when the command line can be run.</summary>
    public static IReadOnlyList<string> Of(ParseResult parsed)
    {
        var command = parsed.CommandResult.Command;
        var path = Verb.PathOf(command);
        var unknown = Unknown(parsed).ToArray();
        if (unknown.Any(u => u.StartsWith('-')))
        {
            // What follows an unknown option may be its value: no fault of its own.
            unknown = [.. unknown.Where(u => u.StartsWith('-'))];
        }

        if (unknown.Length > 0)
        {
            return [.. unknown.Select(u => $"{path}: {Say(command, u)}"), See(path)];
        }

        if (parsed.Errors.Count == 0)
        {
            return [];
        }

        // A command that only has others below it was given alone.
        return command.Subcommands.Count > 0 && command.Action is null
            ? [$"{path}: say which: {string.Join(", ", command.Subcommands.Where(c => !c.Hidden).Select(c => c.Name))}.", See(path)]
            : [.. parsed.Errors.Select(e => $"{path}: {ClrType().Replace(e.Message, "")}"), See(path)];
    }

    /// <summary>Whether a verb was typed that there is not: then there is no help for it, either.</summary>
    public static bool NamesNoVerb(ParseResult parsed) => parsed.CommandResult.Command.Subcommands.Count > 0 && parsed.UnmatchedTokens.Any(t => !t.StartsWith('-'));

    /// <summary>What nobody asked for, and options that an argument has swallowed because nobody else knew them.</summary>
    private static IEnumerable<string> Unknown(ParseResult parsed)
    {
        if (!parsed.CommandResult.Command.TreatUnmatchedTokensAsErrors)
        {
            return [];
        }

        var literal = parsed.Tokens.SkipWhile(t => t.Type != TokenType.DoubleDash).Select(t => t.Value).ToHashSet(StringComparer.Ordinal);
        return parsed.CommandResult.Children.OfType<ArgumentResult>()
            .SelectMany(a => a.Tokens)
            .Select(t => t.Value)
            .Where(t => t.StartsWith("--", StringComparison.Ordinal) && !literal.Contains(t))
            .Concat(parsed.UnmatchedTokens);
    }

    private static string Say(Command command, string token)
    {
        if (token.StartsWith('-'))
        {
            var name = token.Split('=')[0];
            return $"there is no option {name}.{Nearest.Question(Nearest.To(name, command.Options.Where(o => !o.Hidden).Select(o => o.Name)).Take(2))}";
        }

        var commands = command.Subcommands.Where(c => !c.Hidden).Select(c => c.Name).ToArray();
        return commands.Length == 0 ? $"'{token}' is one argument too many."
            : $"there is no '{token}'.{(Nearest.Question(Nearest.To(token, commands).Take(2)) is { Length: > 0 } question ? question : $" There are {string.Join(", ", commands)}.")}";
    }

    private static string See(string path) => $"See '{path} --help'.";

    [GeneratedRegex(" as expected type '[^']*'")]
    private static partial Regex ClrType();
}
