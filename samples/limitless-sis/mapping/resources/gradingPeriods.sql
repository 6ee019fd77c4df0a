select m.marking_period_id as "@source_key",
       t.school_id         as "schoolId",
       t.school_year       as "schoolYear",
       m.name              as "gradingPeriodName",
       m.period_code       as "gradingPeriodDescriptor",
       m.sequence          as "periodSequence",
       m.begins            as "beginDate",
       m.ends              as "endDate",
       m.days              as "totalInstructionalDays"
from marking_period m
join term t on t.term_id = m.term_id
join school s on s.school_id = t.school_id
where t.school_year = cast(:year as integer)
  and cast(:district as integer) in (0, s.district_id)
