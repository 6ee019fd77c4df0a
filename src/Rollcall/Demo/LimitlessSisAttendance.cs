namespace Rollcall.Demo;

/// <summary>Makes attendance exceptions in the local codes of the school where they are typed.</summary>
internal static class LimitlessSisAttendance
{
    /// <summary>The one school where <c>L</c> means that a pupil left early; elsewhere it means late. Its crosswalk row has its code.</summary>
    public const string LeftEarlySchool = "001";

    private static readonly string[] Reasons = ["Ill", "Family", "Appointment", "Weather", "Religious observance"];

    /// <param name="Minutes">How long the pupil was away; null when nobody wrote it down.</param>
    /// <param name="Arrived">When a late pupil came.</param>
    public readonly record struct DayEvent(string Code, string? Reason, int? Minutes, string? Arrived);

    public static DayEvent Day(LimitlessSisDice dice, string levelCode, string schoolCode)
    {
        switch (dice.Next(100))
        {
            case < 30:
                return new("A", null, null, null);
            case < 62:
                return new("AE", dice.Pick<string>(Reasons), 420, null);
            case < 75:
                return new("AM", "Appointment", 60 * (1 + dice.Next(6)), null);
            case < 80 when schoolCode == LeftEarlySchool:
                return new("L", "Picked up early", 30 + dice.Next(90), null);
            default:
                var minutes = 5 + dice.Next(50);
                var code = levelCode == "HS" || schoolCode == LeftEarlySchool ? "T" : "L";
                return new(code, null, minutes, $"{new TimeOnly(8, 0).AddMinutes(minutes):HH:mm:ss}");
        }
    }

    public static (string Code, int? Minutes) Section(LimitlessSisDice dice) => dice.Next(100) switch
    {
        < 45 => ("T", 2 + dice.Next(20)),
        < 70 => ("A", null),
        _ => ("AE", 50),
    };
}
