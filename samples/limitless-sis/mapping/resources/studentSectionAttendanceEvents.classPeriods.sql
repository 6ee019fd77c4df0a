select a.attendance_id     as "@parent",
       b.name              as "classPeriodReference.classPeriodName",
       b.school_id         as "classPeriodReference.schoolId"
from attendance_section_period a
join bell_period b on b.bell_period_id = a.bell_period_id
join school s on s.school_id = b.school_id
where cast(:district as integer) in (0, s.district_id)
