select d.district_id       as "@source_key",
       d.district_id       as "localEducationAgencyId",
       d.name              as "nameOfInstitution",
       d.short_name        as "shortNameOfInstitution",
       d.category_code     as "localEducationAgencyCategoryDescriptor",
       'LEA'               as "categories[0].educationOrganizationCategoryDescriptor",
       'PHYS'              as "addresses[0].addressTypeDescriptor",
       d.street            as "addresses[0].streetNumberName",
       d.city              as "addresses[0].city",
       d.state_code        as "addresses[0].stateAbbreviationDescriptor",
       d.postal_code       as "addresses[0].postalCode",
       d.website           as "webSite"
from district d
where cast(:district as integer) in (0, d.district_id)
