using System.Globalization;
using Rollcall.Exchange.Publish;
using Rollcall.Exchange.Sync;
using Rollcall.Exchange.Verify;
using Rollcall.Serve;
using Spectre.Console;

namespace Rollcall.Demo;

/// <summary>Tells what the demo does, so that a newcomer understands it in a minute.</summary>
internal sealed class DemoStory
{
    private const int Width = 100;
    private readonly IAnsiConsole _console;
    private readonly TextWriter _output;
    private int _chapter;

    /// <param name="isTerminal">Whether colours can be shown; elsewhere the text is plain.</param>
    public DemoStory(TextWriter output, bool isTerminal)
    {
        _output = output;
        _console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new AnsiConsoleOutput(output),
            Ansi = isTerminal ? AnsiSupport.Detect : AnsiSupport.No,
            ColorSystem = isTerminal ? ColorSystemSupport.Detect : ColorSystemSupport.NoColors,
        });
        _console.Profile.Width = Math.Max(Width, isTerminal ? _console.Profile.Width : Width);
    }

    public void Begin(DemoOptions options)
    {
        _console.WriteLine();
        Line($"[bold]rollcall demo[/]: a student information system, kept in step with an Ed-Fi API, and that API copied to another.");
        Line($"{options.Students:N0} made-up pupils; files in {options.Folder.EscapeMarkup()}");
    }

    public void Served(string what, ServeHost host, string file, TimeSpan elapsed)
    {
        Chapter(what);
        Line($"rollcall serve --sandbox --database {Path.GetFileName(file)}: up at {host.Addresses[0]} after {Seconds(elapsed)},");
        Line("with the standard's descriptors (3,298 coded values) and the school years in it.");
    }

    public void MadeSis(string file, string mapping, int students, TimeSpan elapsed)
    {
        Chapter("A student information system");
        Line($"Limitless SIS, {students:N0} pupils with schools, courses, sections, staff and attendance: {Path.GetFileName(file)}, made in {Seconds(elapsed)}.");
        Line($"What its tables mean in Ed-Fi is a folder of SQL files, one per resource: {Path.GetFileName(mapping)}{Path.DirectorySeparatorChar}");
    }

    public void SyncedAll(SyncReport report, CountedWrites counted, bool isRight)
    {
        Chapter("The first sync: everything is new");
        var table = NewTable("resource", "rows", "POST", "API counted");
        foreach (var r in report.Resources)
        {
            table.AddRow(r.Resource.Endpoint, Number(r.Plan.Scanned), Number(r.Calls.Posted), Number(counted.Of(r.Resource.Endpoint, "POST")));
        }

        _console.Write(table);
        Rate("documents sent", counted.Requests, report.Elapsed);
        Check(isRight, $"The API counted {counted.Requests:N0} requests to write, one for each document of the SIS.");
        Refusals(report);
    }

    public void DayPassed(DayOfChanges day)
    {
        Chapter($"{day.Date.ToString("dddd", CultureInfo.InvariantCulture)} passes in the SIS");
        Line(string.Join(", ", day.Changes.Select(c => Words(c.Key, c.Value))) + ".");
    }

    public void SyncedChanges(SyncReport report, DayOfChanges day, CountedWrites counted, bool isRight)
    {
        Chapter("The second sync: only what has changed");
        var table = NewTable("resource", "rows", "POST", "PUT", "DELETE", "changes", "API counted");
        foreach (var r in report.Resources.Where(r => day.For(r.Resource.Endpoint).Requests + counted.Of(r.Resource.Endpoint, "POST") + counted.Of(r.Resource.Endpoint, "PUT") + counted.Of(r.Resource.Endpoint, "DELETE") > 0))
        {
            var name = r.Resource.Endpoint;
            table.AddRow(
                name, Number(r.Plan.Scanned), Number(counted.Of(name, "POST")), Number(counted.Of(name, "PUT")), Number(counted.Of(name, "DELETE")),
                Number(day.For(name).Requests), Number(counted.Of(name, "POST") + counted.Of(name, "PUT") + counted.Of(name, "DELETE")));
        }

        _console.Write(table);
        Check(isRight, $"{report.Resources.Sum(r => r.Plan.Scanned):N0} rows looked at in {Seconds(report.Elapsed)}; the API counted {counted.Requests:N0} requests to write, {(isRight ? "exactly" : "but not")} the {day.Requests:N0} that the day's changes need.");
        Refusals(report);
    }

    public void SyncedNothing(SyncReport report, CountedWrites counted, bool isRight) =>
        Check(isRight, $"A third sync, {Seconds(report.Elapsed)}: nothing to do, and the API counted {counted.Requests:N0} requests to write.");

    public void Published(PublishReport report, bool isRight)
    {
        Chapter("Publish: the district's API to the state's");
        Rate("documents copied", report.Delivery.Done, report.Elapsed);
        Check(isRight, $"{report.Delivery.Done:N0} of {report.Delivery.Offered:N0} documents accepted, {report.Delivery.Refused:N0} refused.");
    }

    /// <summary>The last line before the summary.</summary>
    public void Verified(VerifyReport report)
    {
        Chapter("Verify: are the two equal?");
        var filled = report.Resources.Count(r => r.Comparison is { } c && c.Same + c.Missing + c.Extra + c.Different > 0);
        Check(report.IsEqual, $"Both APIs are {(report.IsEqual ? "equal" : "NOT equal")}: {report.Same:N0} documents in {filled:N0} resources the same, {report.Missing:N0} missing, {report.Extra:N0} extra, {report.Different:N0} different.");
    }

    public void Summary(bool isRight, TimeSpan elapsed, ServeHost district, ServeHost state, DemoOptions options)
    {
        _console.WriteLine();
        var panel = new Panel(new Rows(
            new Markup(isRight ? $"[green]Every step did what it should[/], in {Seconds(elapsed)}." : $"[red]Not every step did what it should[/] (see ✗ above); {Seconds(elapsed)}."),
            new Markup($"District  {district.Addresses[0]}   key sandbox   secret sandbox"),
            new Markup($"State     {state.Addresses[0]}   key sandbox   secret sandbox")))
        {
            Header = new PanelHeader(" Summary "),
            Border = BoxBorder.Rounded,
            Width = Width,
        };
        _console.Write(panel);
        if (!options.Once)
        {
            Line("Both APIs stay up until Ctrl-C. In another terminal:");
            Command($"  curl -s -d grant_type=client_credentials -u sandbox:sandbox {district.Addresses[0]}/oauth/token");
            Command($"  curl -s -H \"Authorization: Bearer TOKEN\" \"{district.Addresses[0]}/data/v3/ed-fi/students?limit=2\"");
            Command($"  rollcall verify --sourceUrl={district.Addresses[0]} --sourceKey=sandbox --sourceSecret=sandbox --targetUrl={state.Addresses[0]} --targetKey=sandbox --targetSecret=sandbox");
        }
    }

    private void Chapter(string title)
    {
        _console.WriteLine();
        _console.MarkupLine($"[bold blue]{++_chapter}  {title.EscapeMarkup()}[/]");
    }

    private void Line(string markup) => _console.Write(new Padder(new Markup(markup), new Padding(3, 0, 0, 0)));

    /// <summary>A line to copy, so never wrapped.</summary>
    private void Command(string line) => _output.WriteLine("   " + line);

    private void Check(bool isRight, string text) => Line($"{(isRight ? "[green]✓[/]" : "[red]✗[/]")} {text.EscapeMarkup()}");

    private void Rate(string what, long count, TimeSpan elapsed) =>
        Line($"{count:N0} {what} in {Seconds(elapsed)}, {count / Math.Max(elapsed.TotalSeconds, 0.001):N0}/s.");

    private void Refusals(SyncReport report)
    {
        foreach (var finding in report.Findings)
        {
            Line($"[yellow]{finding.ToString().EscapeMarkup()}[/]");
        }

        foreach (var refusal in report.Refusals)
        {
            Line($"[yellow]{refusal.Resource}: {refusal.Call} answered {refusal.Status} {refusal.Message.EscapeMarkup()} ({refusal.Count:N0})[/]");
        }

        if (report.StoppedBy is { } failure)
        {
            Line($"[red]{failure.ToString()!.EscapeMarkup()}[/]");
        }
    }

    private static Table NewTable(string first, params ReadOnlySpan<string> numbers)
    {
        var table = new Table { Border = TableBorder.Simple };
        table.AddColumn(first);
        foreach (var number in numbers)
        {
            table.AddColumn(new TableColumn(number).RightAligned());
        }

        return table;
    }

    private static string Number(long number) => number == 0 ? "·" : number.ToString("N0", CultureInfo.InvariantCulture);

    private static string Seconds(TimeSpan elapsed) => string.Create(CultureInfo.InvariantCulture, $"{elapsed.TotalSeconds:N1} s");

    private static string Words(SisChangeKind kind, int count)
    {
        var (one, many) = kind switch
        {
            SisChangeKind.NameCorrected => ("name corrected", "names corrected"),
            SisChangeKind.PupilEnrolled => ("pupil enrolled", "pupils enrolled"),
            SisChangeKind.PupilWithdrawn => ("pupil withdrawn", "pupils withdrawn"),
            SisChangeKind.EnrollmentRemoved => ("mistaken enrolment removed", "mistaken enrolments removed"),
            SisChangeKind.EntryDateCorrected => ("entry date corrected", "entry dates corrected"),
            SisChangeKind.AttendanceAdded => ("absence added", "absences added"),
            SisChangeKind.AttendanceRemoved => ("absence removed", "absences removed"),
            SisChangeKind.AttendanceCodeChanged => ("absence recoded", "absences recoded"),
            SisChangeKind.SectionAttendanceAdded => ("section absence added", "section absences added"),
            SisChangeKind.SectionAttendanceRemoved => ("section absence removed", "section absences removed"),
            SisChangeKind.SectionPeriodsChanged => ("section absence moved to other periods", "section absences moved to other periods"),
            SisChangeKind.RowsTouched => ("row touched without a difference", "rows touched without a difference"),
            _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, null),
        };
        return $"{count} {(count == 1 ? one : many)}";
    }
}
