-- Every title of the streaming platforms' public catalogues.
--
-- One row per title and platform: a title that two platforms offer has two
-- rows. The catalogues are Netflix, Amazon Prime and Disney Plus; what a
-- platform publishes as the size of its library is in
-- `gold.fct_platform_content` and need not agree.
--
-- materialized: view
-- grain: title_id
-- not_null: platform, title
-- accepted: title_type in (movie, series, other)

select
    title_id,                               -- see silver.titles
    initcap(catalogue) as platform,         -- see gold.dim_platform
    source_id,                              -- the id that the catalogue gives
    title,                                  -- as written
    title_type,                             -- movie, series or other
    release_year,                           -- year of release
    added_date,                             -- day it entered the catalogue
    age_rating,                             -- age rating, such as PG-13 or 16+
    duration_minutes,                       -- running time of a film
    seasons,                                -- seasons of a series
    genres,                                 -- comma list; see silver.title_genres
    countries                               -- comma list; see silver.title_countries
from silver.titles
where catalogue in ('netflix', 'amazon prime', 'disney plus')
