select s.school_id         as "@source_key",
       s.school_id         as "schoolId",
       s.name              as "nameOfInstitution",
       s.short_name        as "shortNameOfInstitution",
       s.district_id       as "localEducationAgencyReference.localEducationAgencyId",
       s.type_code         as "schoolTypeDescriptor",
       s.level_code        as "schoolCategories[0].schoolCategoryDescriptor",
       'PHYS'              as "addresses[0].addressTypeDescriptor",
       s.street            as "addresses[0].streetNumberName",
       s.city              as "addresses[0].city",
       s.state_code        as "addresses[0].stateAbbreviationDescriptor",
       s.postal_code       as "addresses[0].postalCode"
from school s
where cast(:district as integer) in (0, s.district_id)
