-- affects: person:       select :person_id
--          student:      select :person_id
--          student_race: select :person_id
--          enrollment:   select :person_id
select p.person_id         as "@source_key",
       case :identity_studentUniqueId
           when 'state_id' then p.state_id
           when 'local_id' then p.local_id
           when 'sis_id' then cast(p.person_id as varchar(32))
       end
                           as "studentUniqueId",
       u.district_id       as "educationOrganizationId",
       p.sex_code          as "sexDescriptor",
       u.hispanic          as "hispanicLatinoEthnicity",
       u.english_code      as "limitedEnglishProficiencyDescriptor",
       case when u.street is not null then 'HOME' end
                           as "addresses[0].addressTypeDescriptor",
       u.street            as "addresses[0].streetNumberName",
       u.city              as "addresses[0].city",
       u.state_code        as "addresses[0].stateAbbreviationDescriptor",
       u.postal_code       as "addresses[0].postalCode",
       case when p.email is not null then 'ORG' end
                           as "electronicMails[0].electronicMailTypeDescriptor",
       p.email             as "electronicMails[0].electronicMailAddress"
from student u
join person p on p.person_id = u.person_id
where cast(:district as integer) in (0, u.district_id)
  and exists (select 1 from enrollment e
              where e.person_id = u.person_id and e.school_year = cast(:year as integer))
