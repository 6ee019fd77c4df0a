select p.person_id         as "@source_key",
       p.state_id          as "staffUniqueId",
       p.first_name        as "firstName",
       p.middle_name       as "middleName",
       p.last_name         as "lastSurname",
       p.suffix            as "generationCodeSuffix",
       p.sex_code          as "sexDescriptor",
       f.degree_code       as "highestCompletedLevelOfEducationDescriptor",
       case when p.email is not null then 'WORK' end
                           as "electronicMails[0].electronicMailTypeDescriptor",
       p.email             as "electronicMails[0].electronicMailAddress",
       'DISTRICT'          as "identificationCodes[0].staffIdentificationSystemDescriptor",
       p.local_id          as "identificationCodes[0].identificationCode"
from staff f
join person p on p.person_id = f.person_id
join school s on s.school_id = f.school_id
where cast(:district as integer) in (0, s.district_id)
