select m.term_id           as "@parent",
       m.period_code       as "gradingPeriodReference.gradingPeriodDescriptor",
       m.name              as "gradingPeriodReference.gradingPeriodName",
       t.school_id         as "gradingPeriodReference.schoolId",
       t.school_year       as "gradingPeriodReference.schoolYear"
from marking_period m
join term t on t.term_id = m.term_id
join school s on s.school_id = t.school_id
where t.school_year = cast(:year as integer)
  and cast(:district as integer) in (0, s.district_id)
