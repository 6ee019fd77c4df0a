select c.calendar_id       as "@source_key",
       c.school_id         as "schoolId",
       c.school_year       as "schoolYear",
       c.calendar_code     as "calendarCode",
       c.type_code         as "calendarTypeDescriptor"
from calendar c
join school s on s.school_id = c.school_id
where c.school_year = cast(:year as integer)
  and cast(:district as integer) in (0, s.district_id)
