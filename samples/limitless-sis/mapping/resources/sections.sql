select x.section_id        as "@source_key",
       c.course_code       as "localCourseCode",
       t.school_id         as "schoolId",
       t.school_year       as "schoolYear",
       t.name              as "sessionName",
       x.section_code      as "sectionIdentifier",
       x.setting_code      as "educationalEnvironmentDescriptor",
       c.credits           as "availableCredits"
from section x
join course_offering o on o.offering_id = x.offering_id
join course c on c.course_id = o.course_id
join term t on t.term_id = o.term_id
where t.school_year = cast(:year as integer)
  and cast(:district as integer) in (0, c.district_id)
