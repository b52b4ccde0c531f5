-- How good each title is by all that is known of it, from 0 to 1.
--
-- The plain mean of up to four parts: the mean rating on IMDb over 10, the mean
-- rating on the platform over 10, the mean share of the title watched, and likes
-- over likes and dislikes. Parts that are not known are left out of the mean, so
-- titles are best compared with others of as many parts. Titles of which nothing
-- is known are left out.
--
-- materialized: view
-- grain: title_id
-- check: known_parts between 1 and 4
-- check: movie_quality_index between 0 and 1

with

scored as (

    select
        title_id,
        title,
        logs,
        cast(imdb_rating as double) / 10 as imdb_score,
        platform_rating / 10 as platform_score,
        avg_completion_ratio as completion_score,
        cast(likes as double) / nullif(likes + dislikes, 0) as like_score
    from gold.title_logs

),

counted as (

    select
        *,
        case when imdb_score is null then 0 else 1 end
        + case when platform_score is null then 0 else 1 end
        + case when completion_score is null then 0 else 1 end
        + case when like_score is null then 0 else 1 end as known_parts
    from scored

)

select
    title_id,                               -- see silver.titles
    title,                                  -- as written
    logs,                                   -- sessions with it
    imdb_score,                             -- mean rating on IMDb over 10
    platform_score,                         -- mean rating on the platform over 10
    completion_score,                       -- mean share of it watched
    like_score,                             -- likes over likes and dislikes
    known_parts,                            -- how many of the four are known
    (
        coalesce(imdb_score, 0) + coalesce(platform_score, 0)
        + coalesce(completion_score, 0) + coalesce(like_score, 0)
    ) / known_parts as movie_quality_index  -- mean of the known parts
from counted
where known_parts > 0
