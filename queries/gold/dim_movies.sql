-- Every film of the company's own catalogue.
--
-- materialized: view
-- grain: title_id

select
    title_id,                               -- the film's number
    title,                                  -- as written
    genres as genre,                        -- its one genre
    release_year,                           -- year of release
    duration_minutes,                       -- running time; null where unknown
    language,                               -- spoken language
    added_at as created_at,                 -- when it entered the catalogue
    added_date as created_date              -- the day of it
from silver.titles
where catalogue = 'own'
