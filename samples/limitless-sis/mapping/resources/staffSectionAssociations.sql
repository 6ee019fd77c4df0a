select a.section_staff_id  as "@source_key",
       p.state_id          as "staffUniqueId",
       c.course_code       as "localCourseCode",
       t.school_id         as "schoolId",
       t.school_year       as "schoolYear",
       t.name              as "sessionName",
       x.section_code      as "sectionIdentifier",
       a.begins            as "beginDate",
       a.ends              as "endDate",
       a.role_code         as "classroomPositionDescriptor"
from section_staff a
join person p on p.person_id = a.person_id
join section x on x.section_id = a.section_id
join course_offering o on o.offering_id = x.offering_id
join course c on c.course_id = o.course_id
join term t on t.term_id = o.term_id
where t.school_year = cast(:year as integer)
  and cast(:district as integer) in (0, c.district_id)
