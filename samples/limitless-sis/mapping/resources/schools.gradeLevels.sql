select g.school_id         as "@parent",
       g.grade_code        as "gradeLevelDescriptor"
from school_grade g
join school s on s.school_id = g.school_id
where cast(:district as integer) in (0, s.district_id)
