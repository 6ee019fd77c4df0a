-- The tables of Limitless SIS, a small student information system for samples and demos.
-- One text for SQLite and PostgreSQL: flags are smallint 0 or 1, times of day are text (08:05:00),
-- dates are date (which SQLite keeps as the text 2026-08-17). Statements end with a semicolon at the end of a line.

create table sis_setting(
    name          varchar(40)  not null primary key,
    value         varchar(100) not null);

-- Local codes: what the registrars type. Their meaning for the state is in mapping/crosswalks.
create table local_code(
    code_set      varchar(30)  not null,
    code          varchar(20)  not null,
    label         varchar(100) not null,
    primary key (code_set, code));

create table district(
    district_id   integer      not null primary key,      -- the number the state gave it
    name          varchar(75)  not null,
    short_name    varchar(75),
    category_code varchar(20)  not null,
    street        varchar(150) not null,
    city          varchar(30)  not null,
    state_code    varchar(2)   not null,
    postal_code   varchar(17)  not null,
    website       varchar(255));

create table school(
    school_id     integer      not null primary key,      -- the number the state gave it
    district_id   integer      not null references district,
    school_code   varchar(8)   not null unique,           -- what the district's people say
    name          varchar(75)  not null,
    short_name    varchar(75),
    level_code    varchar(20)  not null,
    type_code     varchar(20)  not null,
    street        varchar(150) not null,
    city          varchar(30)  not null,
    state_code    varchar(2)   not null,
    postal_code   varchar(17)  not null);
create index school_district on school(district_id);

create table school_grade(
    school_id     integer      not null references school,
    grade_code    varchar(20)  not null,
    primary key (school_id, grade_code));

create table calendar(
    calendar_id   integer      not null primary key,
    school_id     integer      not null references school,
    school_year   integer      not null,                  -- 2027 is the year that ends in 2027
    calendar_code varchar(60)  not null,
    type_code     varchar(20)  not null,
    unique (school_id, school_year, calendar_code));

create table calendar_day(
    calendar_day_id integer    not null primary key,
    calendar_id   integer      not null references calendar,
    day           date         not null,
    event_code    varchar(20)  not null,
    unique (calendar_id, day));

create table term(
    term_id       integer      not null primary key,
    school_id     integer      not null references school,
    school_year   integer      not null,
    term_code     varchar(20)  not null,
    name          varchar(60)  not null,
    begins        date         not null,
    ends          date         not null,
    days          integer      not null,
    unique (school_id, school_year, name));

create table marking_period(
    marking_period_id integer  not null primary key,
    term_id       integer      not null references term,
    period_code   varchar(20)  not null,
    name          varchar(60)  not null,
    sequence      integer      not null,
    begins        date         not null,
    ends          date         not null,
    days          integer      not null,
    unique (term_id, period_code));

create table bell_period(
    bell_period_id integer     not null primary key,
    school_id     integer      not null references school,
    name          varchar(60)  not null,
    starts        varchar(8)   not null,
    ends          varchar(8)   not null,
    takes_daily_attendance smallint not null,
    unique (school_id, name));

create table course(
    course_id     integer      not null primary key,
    district_id   integer      not null references district,
    course_code   varchar(60)  not null,
    state_code    varchar(60),                            -- null: a local course without a state number
    title         varchar(60)  not null,
    subject_code  varchar(20)  not null,
    level_code    varchar(20),                            -- null: an ordinary course
    grade_code    varchar(20)  not null,
    credits       numeric(4,2),                           -- null below high school
    parts         integer      not null,
    unique (district_id, course_code));

create table course_offering(
    offering_id   integer      not null primary key,
    course_id     integer      not null references course,
    term_id       integer      not null references term,
    local_title   varchar(60),
    unique (course_id, term_id));
create index course_offering_term on course_offering(term_id);

create table section(
    section_id    integer      not null primary key,
    offering_id   integer      not null references course_offering,
    section_code  varchar(60)  not null,
    team_code     varchar(20)  not null,                  -- the pupils of a team share a timetable
    room          varchar(20)  not null,
    setting_code  varchar(20)  not null,
    is_homeroom   smallint     not null,
    unique (offering_id, section_code));

create table section_period(
    section_id    integer      not null references section,
    bell_period_id integer     not null references bell_period,
    primary key (section_id, bell_period_id));

-- Pupils and staff. Three numbers tell a person: the state's, the district's, and ours (person_id).
create table person(
    person_id     integer      not null primary key,
    state_id      varchar(32)  not null unique,
    local_id      varchar(32)  not null unique,
    first_name    varchar(75)  not null,
    middle_name   varchar(75),
    last_name     varchar(75)  not null,
    suffix        varchar(10),
    preferred_name varchar(75),
    birth_date    date         not null,
    sex_code      varchar(20)  not null,
    email         varchar(128),
    updated_on    date         not null);

create table person_alias(
    person_id     integer      not null references person,
    kind_code     varchar(20)  not null,
    first_name    varchar(75)  not null,
    last_name     varchar(75)  not null,
    primary key (person_id, kind_code));

create table student(
    person_id     integer      not null primary key references person,
    district_id   integer      not null references district,
    hispanic      smallint     not null,
    english_code  varchar(20)  not null,
    street        varchar(150),                           -- null: no fixed address
    city          varchar(30),
    state_code    varchar(2),
    postal_code   varchar(17),
    locker        varchar(10));                           -- of no interest to the state
create index student_district on student(district_id);

create table student_race(
    person_id     integer      not null references student,
    race_code     varchar(20)  not null,
    primary key (person_id, race_code));

create table staff(
    person_id     integer      not null primary key references person,
    school_id     integer      not null references school,
    degree_code   varchar(20)  not null,
    hired_on      date         not null);

create table section_staff(
    section_staff_id integer   not null primary key,
    section_id    integer      not null references section,
    person_id     integer      not null references staff,
    role_code     varchar(20)  not null,
    begins        date         not null,
    ends          date,
    unique (section_id, person_id, begins));

create table enrollment(
    enrollment_id integer      not null primary key,
    person_id     integer      not null references student,
    school_id     integer      not null references school,
    school_year   integer      not null,
    calendar_id   integer      not null references calendar,
    grade_code    varchar(20)  not null,
    team_code     varchar(20)  not null,
    is_primary    smallint     not null,
    entry_date    date         not null,
    entry_code    varchar(20)  not null,
    exit_date     date,                                   -- null: still enrolled
    exit_code     varchar(20),
    unique (person_id, school_id, entry_date));
create index enrollment_school on enrollment(school_id);

create table roster(
    roster_id     integer      not null primary key,
    section_id    integer      not null references section,
    enrollment_id integer      not null references enrollment,
    begins        date         not null,
    ends          date,                                   -- null: still in the section
    unique (section_id, enrollment_id, begins));
create index roster_enrollment on roster(enrollment_id);

-- Exceptions only: a pupil without a row was there. A day missed from bell to bell has a row here and none per section.
create table attendance_day(
    attendance_id integer      not null primary key,
    enrollment_id integer      not null references enrollment,
    day           date         not null,
    code          varchar(20)  not null,
    reason        varchar(255),
    minutes       integer,
    arrived       varchar(8),
    unique (enrollment_id, day));

create table attendance_section(
    attendance_id integer      not null primary key,
    roster_id     integer      not null references roster,
    day           date         not null,
    code          varchar(20)  not null,
    minutes       integer,
    unique (roster_id, day));

create table attendance_section_period(
    attendance_id integer      not null references attendance_section,
    bell_period_id integer     not null references bell_period,
    primary key (attendance_id, bell_period_id));
