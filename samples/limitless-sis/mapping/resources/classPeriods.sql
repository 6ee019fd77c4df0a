select b.bell_period_id    as "@source_key",
       b.school_id         as "schoolId",
       b.name              as "classPeriodName",
       b.takes_daily_attendance as "officialAttendancePeriod",
       b.starts            as "meetingTimes[0].startTime",
       b.ends              as "meetingTimes[0].endTime"
from bell_period b
join school s on s.school_id = b.school_id
where cast(:district as integer) in (0, s.district_id)
