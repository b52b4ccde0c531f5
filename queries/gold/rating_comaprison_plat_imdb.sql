-- What viewers of the platform give each title, beside its rating on IMDb.
--
-- The mean of the ratings given with sessions; a title without any has null, and
-- not 0. Titles with neither rating are left out.
--
-- materialized: view
-- grain: title_id
-- check: platform_rating is not null or imdb_rating is not null
-- check: (ratings = 0) = (platform_rating is null)

select
    title_id,                               -- see silver.titles
    title,                                  -- as written
    imdb_rating,                            -- mean rating on IMDb, 1 to 10; null without one
    imdb_votes,                             -- ratings it is the mean of
    platform_rating,                        -- mean rating on the platform, 0 to 10; null without one
    ratings,                                -- ratings it is the mean of
    platform_rating - imdb_rating as rating_difference -- platform minus IMDb; null where one is missing
from gold.title_logs
where platform_rating is not null or imdb_rating is not null
