-- How long each genre was watched in each country, month by month.
--
-- The country is where the session was watched, or the viewer's where the source
-- does not say that; `unknown` where neither is known. Full minutes rank,
-- divided minutes make shares, as in `gold.genre_watch_time`; titles without
-- genres make the genre `unknown`. A genre that nobody watched has no row.
--
-- partition_by: month
-- grain: month, country, genre
-- check: watch_minutes_split <= watch_minutes_full + 0.001
-- check: genre_watch_share is null or genre_watch_share between 0 and 1

with

weighted as (

    select
        title_id,
        genre,
        count(*) over (partition by title_id) as genres_of_title
    from silver.title_genres

),

by_weight as (

    select
        watch_sessions.month,
        coalesce(watch_sessions.country, 'unknown') as country,
        coalesce(weighted.genre, 'unknown') as genre,
        coalesce(weighted.genres_of_title, 1) as genres_of_title,
        count(*) as sessions,
        coalesce(sum(watch_sessions.watch_minutes), 0) as watch_minutes
    from silver.watch_sessions
    left join weighted on watch_sessions.title_id = weighted.title_id
    group by
        watch_sessions.month,
        coalesce(watch_sessions.country, 'unknown'),
        coalesce(weighted.genre, 'unknown'),
        coalesce(weighted.genres_of_title, 1)

),

totals as (

    select
        month,
        country,
        genre,
        sum(sessions) as sessions,
        sum(watch_minutes) as watch_minutes_full,
        -- Decimals add up to the same sum in any order.
        sum(cast(watch_minutes as decimal(28,9)) / genres_of_title) as watch_minutes_split
    from by_weight
    group by month, country, genre

)

select
    month,                                  -- first day of the month
    country,                                -- where it was watched
    genre,                                  -- one genre
    sessions,                               -- sessions with a title of the genre
    watch_minutes_full,                     -- minutes, in full for each genre of a title
    cast(watch_minutes_split as double) as watch_minutes_split, -- minutes, divided by the title's genres
    cast(watch_minutes_split as double)
    / nullif(
        cast(sum(watch_minutes_split) over (partition by month, country) as double), 0
    ) as genre_watch_share,                 -- share of the country's minutes in the month, after the split
    rank() over (
        partition by month, country
        order by watch_minutes_full desc, genre
    ) as rank                               -- 1 is the country's most watched in the month
from totals
