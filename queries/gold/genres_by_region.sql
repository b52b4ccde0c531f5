-- How long each genre is watched in each region.
--
-- `watch_minutes_full` credits a title's minutes to each of its genres and ranks
-- them; `watch_minutes_split` divides them, so that the shares of a region add up
-- to 1. The region is the finest place that the source gives, and `region_level`
-- says which. A genre that nobody watched in a region has no row there. Titles
-- without genres make the genre `unknown`, which has no rank.
--
-- materialized: view
-- grain: region_level, region, genre
-- accepted: region_level in (region, country, unknown)
-- check: genre_watch_share is null or genre_watch_share between 0 and 1
-- check: (rank is null) = (genre = 'unknown')

with

totals as (

    select
        region_level,
        region,
        genre,
        sum(sessions) as sessions,
        sum(watch_minutes_full) as watch_minutes_full,
        sum(watch_minutes_split) as watch_minutes_split
    from gold.genre_totals
    group by region_level, region, genre

)

select
    region_level,                           -- what the region is: region, country or unknown
    region,                                 -- where it was watched
    genre,                                  -- one genre
    sessions,                               -- sessions with a title of the genre
    watch_minutes_full,                     -- minutes, in full for each genre of a title
    cast(watch_minutes_split as double) as watch_minutes_split, -- minutes, divided by the title's genres
    cast(watch_minutes_split as double) / nullif(
        cast(sum(watch_minutes_split) over (partition by region_level, region) as double), 0
    ) as genre_watch_share,                 -- share of the region's minutes, after the split
    case
        when genre <> 'unknown' then row_number() over (
            partition by region_level, region, genre = 'unknown'
            order by watch_minutes_full desc, sessions desc, genre
        )
    end as rank,                            -- 1 is the most watched in the region
    case
        when genre <> 'unknown' then row_number() over (
            partition by region_level, region, genre = 'unknown'
            order by watch_minutes_full, sessions, genre
        )
    end as rank_from_bottom                 -- 1 is the least watched in the region
from totals
