select t.term_id           as "@source_key",
       t.school_id         as "schoolId",
       t.school_year       as "schoolYear",
       t.name              as "sessionName",
       t.term_code         as "termDescriptor",
       t.begins            as "beginDate",
       t.ends              as "endDate",
       t.days              as "totalInstructionalDays"
from term t
join school s on s.school_id = t.school_id
where t.school_year = cast(:year as integer)
  and cast(:district as integer) in (0, s.district_id)
