-- How long each genre has been watched.
--
-- `watch_minutes_full` credits a title's minutes to each of its genres and ranks
-- them; these minutes add up to more than were watched. `watch_minutes_split`
-- divides them by the number of the title's genres, so that the shares add up
-- to 1. Titles without genres, and those that no catalogue has, make the genre
-- `unknown`.
--
-- grain: genre
-- unique: rank
-- check: watch_minutes_split <= watch_minutes_full + 0.001
-- check: genre_watch_share is null or genre_watch_share between 0 and 1

with

title_totals as (

    select
        title_id,
        sum(sessions) as sessions,
        coalesce(sum(watch_minutes), 0) as watch_minutes
    from gold.mart_movie_popularity_monthly
    group by title_id

),

weighted as (

    select
        title_id,
        genre,
        count(*) over (partition by title_id) as genres_of_title
    from silver.title_genres

),

by_weight as (

    select
        coalesce(weighted.genre, 'unknown') as genre,
        coalesce(weighted.genres_of_title, 1) as genres_of_title,
        sum(title_totals.sessions) as sessions,
        sum(title_totals.watch_minutes) as watch_minutes
    from title_totals
    left join weighted on title_totals.title_id = weighted.title_id
    group by coalesce(weighted.genre, 'unknown'), coalesce(weighted.genres_of_title, 1)

),

totals as (

    select
        genre,
        sum(sessions) as sessions,
        sum(watch_minutes) as watch_minutes_full,
        -- Decimals add up to the same sum in any order.
        sum(cast(watch_minutes as decimal(28,9)) / genres_of_title) as watch_minutes_split
    from by_weight
    group by genre

)

select
    genre,                                  -- one genre
    sessions,                               -- sessions with a title of the genre
    watch_minutes_full,                     -- minutes, in full for each genre of a title
    cast(watch_minutes_split as double) as watch_minutes_split, -- minutes, divided by the title's genres
    cast(watch_minutes_split as double)
    / nullif(cast(sum(watch_minutes_split) over () as double), 0) as genre_watch_share, -- share of all minutes, after the split
    rank() over (
        order by watch_minutes_full desc, genre
    ) as rank                               -- 1 is the most watched
from totals
