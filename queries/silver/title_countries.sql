-- Which countries each title comes from.
--
-- One row per title and country. Lists are split at commas, blanks around a name
-- (no-break ones too) and empty pieces are dropped, a name repeated within a title counts once.
--
-- grain: title_id, country
-- references: title_id -> silver.titles.title_id
-- check: country = trim(country) and country <> ''

with

pieces as (

    select
        title_id,
        btrim(unnest(string_to_array(countries, ',')), concat(' ', chr(160))) as country
    from silver.titles

)

select distinct
    title_id,                               -- see silver.titles
    country                                 -- one country, as the catalogue spells it
from pieces
where country <> ''
