-- How popular each genre is, from 0 to 1.
--
-- The plain mean of three parts: minutes watched over those of the most watched
-- genre, sessions over those of the genre with the most, and the mean rating on
-- the platform over 10. Where nobody rated the genre, the mean of the other two.
-- Minutes and sessions count in full for each genre of a title. Titles without
-- genres are left out.
--
-- materialized: view
-- grain: genre
-- check: minutes_score is null or minutes_score between 0 and 1
-- check: sessions_score between 0 and 1
-- check: genre_popularity_index between 0 and 1

with

totals as (

    select
        genre,
        sum(sessions) as sessions,
        sum(watch_minutes_full) as watch_minutes_full,
        cast(sum(sum_of_ratings) as double) / nullif(sum(ratings), 0) as platform_rating
    from gold.genre_totals
    where genre <> 'unknown'
    group by genre

),

scored as (

    select
        genre,
        sessions,
        watch_minutes_full,
        coalesce(
            cast(watch_minutes_full as double) / nullif(max(watch_minutes_full) over (), 0), 0
        ) as minutes_score,
        cast(sessions as double) / max(sessions) over () as sessions_score,
        platform_rating / 10 as rating_score
    from totals

)

select
    genre,                                  -- one genre
    sessions,                               -- sessions with a title of the genre
    watch_minutes_full,                     -- minutes, in full for each genre of a title
    minutes_score,                          -- minutes over those of the most watched genre
    sessions_score,                         -- sessions over those of the genre with the most
    rating_score,                           -- mean rating on the platform over 10; null without ratings
    (minutes_score + sessions_score + coalesce(rating_score, 0))
    / case when rating_score is null then 2 else 3 end as genre_popularity_index -- mean of the known parts
from scored
