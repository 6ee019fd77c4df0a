select d.calendar_day_id   as "@source_key",
       c.calendar_code     as "calendarCode",
       c.school_id         as "schoolId",
       c.school_year       as "schoolYear",
       d.day               as "date",
       d.event_code        as "calendarEvents[0].calendarEventDescriptor"
from calendar_day d
join calendar c on c.calendar_id = d.calendar_id
join school s on s.school_id = c.school_id
where c.school_year = cast(:year as integer)
  and cast(:district as integer) in (0, s.district_id)
