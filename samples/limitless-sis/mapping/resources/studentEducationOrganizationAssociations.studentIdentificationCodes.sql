-- Whichever number is the studentUniqueId, all three go along as identification codes.
with everyone as (
    select u.person_id, p.state_id, p.local_id, u.district_id
    from student u
    join person p on p.person_id = u.person_id
    where cast(:district as integer) in (0, u.district_id)
      and exists (select 1 from enrollment e
                  where e.person_id = u.person_id and e.school_year = cast(:year as integer)))
select i.person_id         as "@parent",
       i.system_code       as "studentIdentificationSystemDescriptor",
       i.assigned_by       as "assigningOrganizationIdentificationCode",
       i.number            as "identificationCode"
from (select person_id, 'STATE' as system_code, 'State' as assigned_by, state_id as number from everyone
      union all
      select person_id, 'DISTRICT', cast(district_id as varchar(20)), local_id from everyone
      union all
      select person_id, 'SIS', 'Limitless SIS', cast(person_id as varchar(20)) from everyone) i
