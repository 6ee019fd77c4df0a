using System.Globalization;
using System.Text;
using Rollcall.Exchange.Client;

namespace Rollcall.Exchange.Delivery;

/// <summary>A delivery's account for a person: one line of result, then every cause of refusal with where to look.</summary>
internal static class ReportText
{
    /// <param name="direction">Completes "1,234 documents …".</param>
    /// <param name="where">Names a sample from its tag and id.</param>
    public static string Of(DeliveryReport report, string direction, TimeSpan elapsed, Func<long, Guid, string> where)
    {
        var text = new StringBuilder();
        var rate = report.Done / Math.Max(elapsed.TotalSeconds, 1e-3);
        var wouldSend = report.Resources.Sum(r => r.WouldSend);
        text.Append(CultureInfo.InvariantCulture, $"{report.Offered:N0} documents {direction} in {elapsed.TotalSeconds:N1} s");
        text.Append(wouldSend > 0
            ? string.Create(CultureInfo.InvariantCulture, $": dry run, {wouldSend:N0} would have been sent")
            : string.Create(
                CultureInfo.InvariantCulture,
                $" ({rate:N0}/s): {report.Resources.Sum(r => r.Created):N0} created, {report.Resources.Sum(r => r.Updated):N0} updated or unchanged"));
        Append(text, report.Warned, "warned");
        Append(text, report.Refused, "refused");
        Append(text, report.Unsettled, "without a final word");
        text.AppendLine(".");
        foreach (var r in report.Resources.Where(r => r.FeedFailure is not null))
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"  {r.Resource}: could not be read to the end: {Status(r.FeedFailure!.Status)}{r.FeedFailure.Message}");
        }

        foreach (var r in report.Resources)
        {
            foreach (var cause in r.Causes)
            {
                text.AppendLine(
                    CultureInfo.InvariantCulture,
                    $"  {r.Resource}: {cause.Count:N0} × {Status(cause.Failure.Status)}{cause.Failure.Message}{Type(cause.Failure.ProblemType)}");
                text.AppendLine(
                    CultureInfo.InvariantCulture,
                    $"      {string.Join(", ", cause.Samples.Select(s => where(s.Tag, s.Id)))}{(cause.Count > cause.Samples.Count ? ", …" : "")}");
            }
        }

        if (report.StoppedBy is { } stopped)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"Stopped {(stopped.Stage == FailureStage.Read ? "at the source" : "at the target")}: {Status(stopped.Status)}{stopped.Message.TrimEnd('.')}. Run it again when that is mended; what has arrived stays.");
        }

        return text.ToString();
    }

    private static void Append(StringBuilder text, long count, string what)
    {
        if (count > 0)
        {
            text.Append(CultureInfo.InvariantCulture, $", {count:N0} {what}");
        }
    }

    private static string Status(int status) => status == 0 ? "" : status.ToString(CultureInfo.InvariantCulture) + " ";

    private static string Type(string type) => type.Length == 0 ? "" : $" [{type}]";
}
