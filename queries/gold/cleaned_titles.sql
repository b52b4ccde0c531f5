-- Every title of the platform: `silver.dim_titles` for those who read gold only.
--
-- What is not known is null, and not a placeholder.
--
-- materialized: view
-- grain: id_title

select
    id_title,                               -- the title's number
    title_name,                             -- as written
    title_director_first_name,              -- first director, up to the first blank
    title_director_last_name,               -- the rest of the name
    title_directors,                        -- all directors in their order
    director_count,                         -- how many they are
    has_director,                           -- whether any is known
    title_type,                             -- movie, series, episode or other
    title_start_year,                       -- year of release
    title_duration,                         -- running time in minutes; null for series and where unknown
    title_rating,                           -- mean rating on IMDb, 1 to 10; null without ratings
    title_numvot_imdb                       -- ratings it is the mean of
from silver.dim_titles
