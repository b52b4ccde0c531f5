-- Which titles do our viewers rate otherwise than IMDb does?
--
-- Titles with both ratings and enough of ours; the largest differences first.
--
-- param: min_ratings bigint = 5
-- param: limit bigint = 20

select
    title,                                  -- as written
    imdb_rating,                            -- mean rating on IMDb, 1 to 10
    imdb_votes,                             -- ratings it is the mean of
    platform_rating,                        -- mean rating on the platform, 0 to 10
    ratings,                                -- ratings it is the mean of
    rating_difference                       -- platform minus IMDb
from gold.rating_comaprison_plat_imdb
where rating_difference is not null and ratings >= $min_ratings
order by abs(rating_difference) desc, title, title_id
limit $limit
