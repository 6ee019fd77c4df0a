-- affects: attendance_section:        select :attendance_id
--          attendance_section_period: select :attendance_id
--          roster:     select attendance_id from attendance_section where roster_id = :roster_id
--          enrollment: select a.attendance_id from attendance_section a join roster r on r.roster_id = a.roster_id where r.enrollment_id = :enrollment_id
--          person:     select a.attendance_id from attendance_section a join roster r on r.roster_id = a.roster_id join enrollment e on e.enrollment_id = r.enrollment_id where e.person_id = :person_id
select a.attendance_id     as "@source_key",
       s.school_code       as "@scope",
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
       a.day               as "eventDate",
       a.code              as "attendanceEventCategoryDescriptor",
       a.minutes           as "sectionAttendanceDuration"
from attendance_section a
join roster r on r.roster_id = a.roster_id
join enrollment e on e.enrollment_id = r.enrollment_id
join person p on p.person_id = e.person_id
join section x on x.section_id = r.section_id
join course_offering o on o.offering_id = x.offering_id
join course c on c.course_id = o.course_id
join term t on t.term_id = o.term_id
join school s on s.school_id = t.school_id
where t.school_year = cast(:year as integer)
  and cast(:district as integer) in (0, s.district_id)
