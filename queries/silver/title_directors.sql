-- Who directed each title.
--
-- One row per title and director. Lists are split at commas, blanks around a name
-- and empty pieces are dropped, a name repeated within a title counts once.
--
-- grain: title_id, director
-- references: title_id -> silver.titles.title_id
-- check: director = trim(director) and director <> ''

with

pieces as (

    select
        title_id,
        trim(unnest(string_to_array(directors, ','))) as director
    from silver.titles

)

select distinct
    title_id,                               -- see silver.titles
    director                                      -- one director's name
from pieces
where director <> ''
