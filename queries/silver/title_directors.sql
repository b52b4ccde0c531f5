-- Who directed each title.
--
-- One row per title and director. Lists are split at commas, blanks around a name
-- (no-break ones too) and empty pieces are dropped, a name repeated within a title counts once, where
-- it is first. The lists of IMDb hold ids, which are looked up one by one.
--
-- grain: title_id, director
-- references: title_id -> silver.titles.title_id
-- check: director = trim(director) and director <> ''
-- check: place >= 1

with

lists as (

    select
        title_id,
        string_to_array(directors, ',') as names
    from silver.titles
    where directors is not null

),

listed as (

    select
        title_id,
        btrim(unnest(names), concat(' ', chr(160))) as director,
        unnest(generate_series(1, array_length(names))) as position
    from lists

),

credits as (

    select
        4000000000 + cast(substr(tconst, 3) as bigint) as title_id,
        string_to_array(directors, ',') as people
    from bronze.title_crew
    where _current and directors is not null

),

credited as (

    select
        title_id,
        trim(unnest(people)) as nconst,
        unnest(generate_series(1, array_length(people))) as position
    from credits

),

named as (

    select
        credited.title_id,
        trim(people.primary_name) as director,
        credited.position
    from credited
    inner join silver.titles on credited.title_id = titles.title_id
    inner join bronze.name_basics as people
        on credited.nconst = people.nconst
        and people._current

),

pieces as (

    select
        title_id,
        director,
        position
    from listed
    union all
    select
        title_id,
        director,
        position
    from named

),

firsts as (

    select
        title_id,
        director,
        min(position) as position
    from pieces
    where director <> ''
    group by title_id, director

)

select
    title_id,                               -- see silver.titles
    director,                               -- one director's name
    row_number() over (
        partition by title_id
        order by position, director
    ) as place                              -- 1 is named first
from firsts
