using System.Globalization;

namespace Rollcall.Demo;

/// <summary>Makes people: names, birth dates, and the three numbers that tell them.</summary>
internal sealed class LimitlessSisPeople(LimitlessSisDice dice, int seed)
{
    private static readonly string[] Suffixes = ["Jr.", "II", "III"];

    /// <summary>A new person of the given age in years on the first of September; the row goes to the table <c>person</c>.</summary>
    /// <param name="email">What stands before and after the local number, <c>"" and "@x.example"</c>; null for no address.</param>
    public object?[] Row(int personId, int age, string localPrefix, (string Before, string After)? email, DateOnly today)
    {
        var sex = dice.Next(200) is var s && s < 99 ? "F" : s < 198 ? "M" : "X";
        var local = localPrefix + personId.ToString("D6", CultureInfo.InvariantCulture);
        var first = FirstName(sex);
        var middle = dice.Chance(700) ? FirstName(sex) : null;
        return
        [
            personId, StateId(personId), local, first, middle, LastName(),
            sex == "M" && dice.Chance(25) ? dice.Pick<string>(Suffixes) : null,
            dice.Chance(40) && !first.Contains(' ', StringComparison.Ordinal) ? first[..Math.Min(3, first.Length)] : null,
            new DateOnly(LimitlessSisCalendar.SchoolYear - 1 - age, 9, 1).AddDays(-dice.Next(365)),
            sex, email is var (before, after) ? before + local.ToLowerInvariant() + after : null, today,
        ];
    }

    public string FirstName(string sex) => dice.Pick<string>(
        sex == "F" || (sex == "X" && dice.Chance(500)) ? LimitlessSisNames.Girls : LimitlessSisNames.Boys);

    public string LastName() => dice.Chance(80)
        ? $"{dice.Pick<string>(LimitlessSisNames.Families)}-{dice.Pick<string>(LimitlessSisNames.Families)}"
        : dice.Pick<string>(LimitlessSisNames.Families);

    public object?[] StudentRow(int personId, int districtId, string town, int districtIndex)
    {
        var hasAddress = !dice.Chance(15);
        return
        [
            personId, districtId, (short)(dice.Chance(420) ? 1 : 0),
            dice.Next(100) switch { < 14 => "EL", < 18 => "M1", _ => "EO" },
            hasAddress ? $"{100 + dice.Next(9800)} {dice.Pick<string>(LimitlessSisNames.Streets)}" : null,
            hasAddress ? town : null,
            hasAddress ? "TX" : null,
            hasAddress ? PostalCode(districtIndex) : null,
            dice.Chance(300) ? $"L{dice.Next(900) + 100}" : null,
        ];
    }

    /// <summary>One or two races, none twice.</summary>
    public IEnumerable<string> Races()
    {
        var first = dice.Next(100) switch { < 52 => "WH", < 72 => "BL", < 84 => "AS", < 88 => "AI", < 90 => "PI", _ => "NR" };
        yield return first;
        if (first != "NR" && dice.Chance(70))
        {
            yield return first == "WH" ? "AI" : "WH";
        }
    }

    public static string PostalCode(int districtIndex) => (78_600 + districtIndex * 7).ToString(CultureInfo.InvariantCulture);

    public static string Domain(string town) => $"{town.Replace(" ", "", StringComparison.Ordinal).ToLowerInvariant()}-isd.example";

    /// <summary>What surrounds a pupil's local number in an address; elementary schools give out none.</summary>
    public static (string Before, string After)? PupilEmail(string levelCode, string town) =>
        levelCode == "ES" ? null : ("s", $"@pupils.{Domain(town)}");

    /// <summary>Ten digits that look random and are never given twice: an odd factor permutes the 32-bit numbers.</summary>
    private string StateId(int personId) =>
        (3_000_000_000L + (uint)((uint)personId * 2_654_435_761u + (uint)seed * 40_503u)).ToString(CultureInfo.InvariantCulture);
}
