-- Who directed each title.
--
-- One row per title and director. Lists are split at commas, blanks around a name
-- and empty pieces are dropped, a name repeated within a title counts once. The
-- lists of IMDb hold ids, which are looked up one by one.
--
-- grain: title_id, director
-- references: title_id -> silver.titles.title_id
-- check: director = trim(director) and director <> ''

with

listed as (

    select
        title_id,
        trim(unnest(string_to_array(directors, ','))) as director
    from silver.titles

),

credited as (

    select
        4000000000 + cast(substr(tconst, 3) as bigint) as title_id,
        trim(unnest(string_to_array(directors, ','))) as nconst
    from bronze.title_crew
    where _current

),

named as (

    select
        credited.title_id,
        trim(people.primary_name) as director
    from credited
    inner join silver.titles on credited.title_id = titles.title_id
    inner join bronze.name_basics as people
        on credited.nconst = people.nconst
        and people._current

),

pieces as (

    select
        title_id,
        director
    from listed
    union all
    select
        title_id,
        director
    from named

)

select distinct
    title_id,                               -- see silver.titles
    director                                -- one director's name
from pieces
where director <> ''
