-- affects: roster:     select :roster_id
--          enrollment: select roster_id from roster where enrollment_id = :enrollment_id
--          person:     select r.roster_id from roster r join enrollment e on e.enrollment_id = r.enrollment_id where e.person_id = :person_id
select r.roster_id         as "@source_key",
       case :identity_studentUniqueId
           when 'state_id' then p.state_id
           when 'local_id' then p.local_id
           when 'sis_id' then cast(p.person_id as varchar(32))
       end
                           as "studentUniqueId",
       c.course_code       as "localCourseCode",
       t.school_id         as "schoolId",
       t.school_year       as "schoolYear",
       t.name              as "sessionName",
       x.section_code      as "sectionIdentifier",
       r.begins            as "beginDate",
       r.ends              as "endDate",
       x.is_homeroom       as "homeroomIndicator"
from roster r
join enrollment e on e.enrollment_id = r.enrollment_id
join person p on p.person_id = e.person_id
join section x on x.section_id = r.section_id
join course_offering o on o.offering_id = x.offering_id
join course c on c.course_id = o.course_id
join term t on t.term_id = o.term_id
where t.school_year = cast(:year as integer)
  and cast(:district as integer) in (0, c.district_id)
