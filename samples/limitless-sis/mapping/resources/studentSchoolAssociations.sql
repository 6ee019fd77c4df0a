-- affects: enrollment: select :enrollment_id
--          person:     select enrollment_id from enrollment where person_id = :person_id
-- key-change: auto
-- expect: "exitWithdrawDate" is null or "exitWithdrawDate" >= "entryDate"
select e.enrollment_id     as "@source_key",
       s.school_code       as "@scope",
       case :identity_studentUniqueId
           when 'state_id' then p.state_id
           when 'local_id' then p.local_id
           when 'sis_id' then cast(p.person_id as varchar(32))
       end
                           as "studentUniqueId",
       e.school_id         as "schoolReference.schoolId",
       e.entry_date        as "entryDate",
       e.grade_code        as "entryGradeLevelDescriptor",
       e.entry_code        as "entryTypeDescriptor",
       e.exit_date         as "exitWithdrawDate",
       e.exit_code         as "exitWithdrawTypeDescriptor",
       e.is_primary        as "primarySchool",
       e.school_year       as "schoolYearTypeReference.schoolYear",
       c.calendar_code     as "calendarReference.calendarCode",
       c.school_id         as "calendarReference.schoolId",
       c.school_year       as "calendarReference.schoolYear"
from enrollment e
join person p on p.person_id = e.person_id
join school s on s.school_id = e.school_id
join calendar c on c.calendar_id = e.calendar_id
where e.school_year = cast(:year as integer)
  and cast(:district as integer) in (0, s.district_id)
