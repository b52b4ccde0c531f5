-- How long each genre is watched by the users of each plan.
--
-- The plan is the viewer's at the time; `none` without one. Minutes and shares as
-- in `gold.genres_by_region`. The genre `unknown` has no rank.
--
-- materialized: view
-- grain: plan, genre
-- check: genre_watch_share is null or genre_watch_share between 0 and 1
-- check: (rank is null) = (genre = 'unknown')

with

totals as (

    select
        plan,
        genre,
        sum(sessions) as sessions,
        sum(watch_minutes_full) as watch_minutes_full,
        sum(watch_minutes_split) as watch_minutes_split
    from gold.genre_totals
    group by plan, genre

)

select
    plan,                                   -- the viewers' plan at the time
    genre,                                  -- one genre
    sessions,                               -- sessions with a title of the genre
    watch_minutes_full,                     -- minutes, in full for each genre of a title
    cast(watch_minutes_split as double) as watch_minutes_split, -- minutes, divided by the title's genres
    cast(watch_minutes_split as double) / nullif(
        cast(sum(watch_minutes_split) over (partition by plan) as double), 0
    ) as genre_watch_share,                 -- share of the plan's minutes, after the split
    case
        when genre <> 'unknown' then row_number() over (
            partition by plan, genre = 'unknown'
            order by watch_minutes_full desc, sessions desc, genre
        )
    end as rank                             -- 1 is the most watched on the plan
from totals
