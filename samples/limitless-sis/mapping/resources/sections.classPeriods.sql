select x.section_id        as "@parent",
       b.name              as "classPeriodReference.classPeriodName",
       b.school_id         as "classPeriodReference.schoolId"
from section_period x
join bell_period b on b.bell_period_id = x.bell_period_id
join section n on n.section_id = x.section_id
join course_offering o on o.offering_id = n.offering_id
join term t on t.term_id = o.term_id
join school s on s.school_id = t.school_id
where t.school_year = cast(:year as integer)
  and cast(:district as integer) in (0, s.district_id)
