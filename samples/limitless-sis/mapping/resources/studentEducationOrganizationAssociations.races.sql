select r.person_id         as "@parent",
       r.race_code         as "raceDescriptor"
from student_race r
join student u on u.person_id = r.person_id
where cast(:district as integer) in (0, u.district_id)
  and exists (select 1 from enrollment e
              where e.person_id = u.person_id and e.school_year = cast(:year as integer))
