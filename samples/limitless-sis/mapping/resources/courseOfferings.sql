select o.offering_id       as "@source_key",
       c.course_code       as "localCourseCode",
       t.school_id         as "schoolId",
       t.school_year       as "schoolYear",
       t.name              as "sessionName",
       o.local_title       as "localCourseTitle",
       c.course_code       as "courseReference.courseCode",
       c.district_id       as "courseReference.educationOrganizationId"
from course_offering o
join course c on c.course_id = o.course_id
join term t on t.term_id = o.term_id
where t.school_year = cast(:year as integer)
  and cast(:district as integer) in (0, c.district_id)
