-- Who acts in each title.
--
-- One row per title and actor. Lists are split at commas, blanks around a name
-- (no-break ones too) and empty pieces are dropped, a name repeated within a title counts once.
--
-- grain: title_id, actor
-- references: title_id -> silver.titles.title_id
-- check: actor = trim(actor) and actor <> ''

with

pieces as (

    select
        title_id,
        btrim(unnest(string_to_array(actors, ',')), concat(' ', chr(160))) as actor
    from silver.titles

)

select distinct
    title_id,                               -- see silver.titles
    actor                                   -- one actor's name
from pieces
where actor <> ''
