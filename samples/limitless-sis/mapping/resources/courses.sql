select c.course_id         as "@source_key",
       c.district_id       as "educationOrganizationId",
       c.course_code       as "courseCode",
       c.title             as "courseTitle",
       c.parts             as "numberOfParts",
       c.subject_code      as "academicSubjects[0].academicSubjectDescriptor",
       c.level_code        as "levelCharacteristics[0].courseLevelCharacteristicDescriptor",
       c.grade_code        as "offeredGradeLevels[0].gradeLevelDescriptor",
       c.credits           as "maximumAvailableCredits",
       'LOCAL'             as "identificationCodes[0].courseIdentificationSystemDescriptor",
       c.course_code       as "identificationCodes[0].identificationCode",
       case when c.state_code is not null then 'STATE' end
                           as "identificationCodes[1].courseIdentificationSystemDescriptor",
       c.state_code        as "identificationCodes[1].identificationCode"
from course c
where cast(:district as integer) in (0, c.district_id)
