select s.school_id         as "@parent",
       'SCHOOL'            as "educationOrganizationCategoryDescriptor"
from school s
where cast(:district as integer) in (0, s.district_id)
