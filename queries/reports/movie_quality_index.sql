-- Which titles are the best by ratings, completion and likes together?
--
-- Only titles of which enough of the four parts are known, and with enough logs.
--
-- param: min_parts bigint = 3
-- param: min_logs bigint = 5
-- param: limit bigint = 20

select
    title,                                  -- as written
    movie_quality_index,                    -- mean of the known parts, 0 to 1
    imdb_score,                             -- mean rating on IMDb over 10
    platform_score,                         -- mean rating on the platform over 10
    completion_score,                       -- mean share of it watched
    like_score,                             -- likes over likes and dislikes
    known_parts,                            -- how many of the four are known
    logs                                    -- sessions with it
from gold.movie_quality_index
where known_parts >= $min_parts and logs >= $min_logs
order by movie_quality_index desc, logs desc, title_id
limit $limit
