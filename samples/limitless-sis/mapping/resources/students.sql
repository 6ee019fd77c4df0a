-- affects: person:       select :person_id
--          person_alias: select :person_id
--          student:      select :person_id
--          enrollment:   select :person_id
-- Everyone who was enrolled this year. A pupil whose only enrolment was a mistake drops out of this query,
-- and stays at the API, because the profile never deletes students.
select p.person_id         as "@source_key",
       case :identity_studentUniqueId
           when 'state_id' then p.state_id
           when 'local_id' then p.local_id
           when 'sis_id' then cast(p.person_id as varchar(32))
       end
                           as "studentUniqueId",
       p.first_name        as "firstName",
       p.middle_name       as "middleName",
       p.last_name         as "lastSurname",
       p.suffix            as "generationCodeSuffix",
       p.preferred_name    as "preferredFirstName",
       p.birth_date        as "birthDate",
       p.sex_code          as "birthSexDescriptor",
       n.kind_code         as "otherNames[0].otherNameTypeDescriptor",
       n.first_name        as "otherNames[0].firstName",
       n.last_name         as "otherNames[0].lastSurname"
from student u
join person p on p.person_id = u.person_id
left join person_alias n on n.person_id = p.person_id and n.kind_code = 'FORMER'
where cast(:district as integer) in (0, u.district_id)
  and exists (select 1 from enrollment e
              where e.person_id = u.person_id and e.school_year = cast(:year as integer))
