-- affects: attendance_day: select :attendance_id
--          enrollment:     select attendance_id from attendance_day where enrollment_id = :enrollment_id
--          person:         select a.attendance_id from attendance_day a join enrollment e on e.enrollment_id = a.enrollment_id where e.person_id = :person_id
select a.attendance_id     as "@source_key",
       s.school_code       as "@scope",
       case :identity_studentUniqueId
           when 'state_id' then p.state_id
           when 'local_id' then p.local_id
           when 'sis_id' then cast(p.person_id as varchar(32))
       end
                           as "studentUniqueId",
       e.school_id         as "schoolId",
       t.school_year       as "schoolYear",
       t.name              as "sessionName",
       a.day               as "eventDate",
       a.code              as "attendanceEventCategoryDescriptor",
       a.reason            as "attendanceEventReason",
       a.minutes           as "schoolAttendanceDuration",
       a.arrived           as "arrivalTime"
from attendance_day a
join enrollment e on e.enrollment_id = a.enrollment_id
join person p on p.person_id = e.person_id
join school s on s.school_id = e.school_id
join term t on t.school_id = e.school_id and a.day between t.begins and t.ends
where t.school_year = cast(:year as integer)
  and cast(:district as integer) in (0, s.district_id)
