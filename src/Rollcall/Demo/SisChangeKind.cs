using System.Collections.Frozen;

namespace Rollcall.Demo;

/// <summary>What can happen in a day of the sample SIS, and what it costs to bring the API up to date.</summary>
public enum SisChangeKind
{
    /// <summary>A first or last name was misspelt: one PUT.</summary>
    NameCorrected,

    /// <summary>A pupil is new: POST of student, its education organization association, the enrolment and each section.</summary>
    PupilEnrolled,

    /// <summary>A pupil left: PUT of the enrolment and of each section that was still open.</summary>
    PupilWithdrawn,

    /// <summary>An enrolment was a mistake: DELETE of it, its sections and its attendance; the pupil stays known.</summary>
    EnrollmentRemoved,

    /// <summary>The day of entry was wrong: the enrolment's natural key changes. Not every target takes this.</summary>
    EntryDateCorrected,

    AttendanceAdded,

    AttendanceRemoved,

    /// <summary>An absence was excused, or turned out a tardy: the code is part of the natural key, so DELETE and POST.</summary>
    AttendanceCodeChanged,

    SectionAttendanceAdded,

    SectionAttendanceRemoved,

    /// <summary>A pupil missed one period of two, or both after all: a child array changes, one PUT.</summary>
    SectionPeriodsChanged,

    /// <summary>Rows were written without a difference that the mapping sees, a locker for example: nothing to send.</summary>
    RowsTouched,
}

/// <summary>Sets of <see cref="SisChangeKind"/>.</summary>
public static class SisChangeKinds
{
    public static FrozenSet<SisChangeKind> All { get; } = Enum.GetValues<SisChangeKind>().ToFrozenSet();

    /// <summary>All but those that change a natural key in place, which a target may refuse.</summary>
    public static FrozenSet<SisChangeKind> Default { get; } = All.Where(k => k != SisChangeKind.EntryDateCorrected).ToFrozenSet();
}
