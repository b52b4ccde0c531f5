-- Which genres each title has.
--
-- One row per title and genre. Lists are split at commas, blanks around a name
-- (no-break ones too) and empty pieces are dropped, a name repeated within a title counts once.
--
-- grain: title_id, genre
-- references: title_id -> silver.titles.title_id
-- check: genre = trim(genre) and genre <> ''

with

pieces as (

    select
        title_id,
        btrim(unnest(string_to_array(genres, ',')), concat(' ', chr(160))) as genre
    from silver.titles

)

select distinct
    title_id,                               -- see silver.titles
    genre                                   -- one genre
from pieces
where genre <> ''
