-- What was watched of each genre in which month, by plan and by region.
--
-- A title counts in full for each of its genres; `genres_of_title` says by what
-- to divide where shares are to add up. Titles without genres, and those that no
-- catalogue has, make the genre `unknown`. Plan and region are those of
-- `silver.viewing_months`. Sessions of unknown users and those after
-- `silver.as_of` do not count.
--
-- partition_by: month
-- grain: month, genre, genres_of_title, plan, region_level, region
-- check: completed_sessions <= sessions_of_known_length
-- check: sessions_of_known_length <= sessions

with

weighted as (

    select
        title_id,
        genre,
        count(*) over (partition by title_id) as genres_of_title
    from silver.title_genres

),

placed as (

    select
        watch_sessions.month,
        watch_sessions.title_id,
        watch_sessions.watch_minutes,
        watch_sessions.is_completed,
        watch_sessions.completion_ratio,
        watch_sessions.rating_given,
        coalesce(watch_sessions.plan, 'none') as plan_then,
        case
            when watch_sessions.region is not null then 'region'
            when watch_sessions.country is not null then 'country'
            else 'unknown'
        end as region_level,
        coalesce(watch_sessions.region, watch_sessions.country, 'unknown') as place
    from silver.watch_sessions
    inner join silver.months
        on watch_sessions.month = months.month
        and watch_sessions.session_date <= months.last_day
    where not watch_sessions.is_unknown_user

)

select
    placed.month,                           -- first day of the month
    coalesce(weighted.genre, 'unknown') as genre, -- one genre
    coalesce(weighted.genres_of_title, 1) as genres_of_title, -- genres that the titles have
    placed.plan_then as plan,               -- the viewers' plan at the time; none without one
    placed.region_level,                    -- what the region is: region, country or unknown
    placed.place as region,                 -- where it was watched
    count(*) as sessions,                   -- sessions with a title of the genre
    coalesce(sum(placed.watch_minutes), 0) as watch_minutes, -- minutes watched
    count(placed.is_completed) as sessions_of_known_length, -- sessions whose completion is known
    count(*) filter (where placed.is_completed) as completed_sessions, -- of those, watched to the end
    coalesce(sum(placed.completion_ratio), 0) as sum_of_completion_ratios, -- their shares of the title
    count(placed.rating_given) as ratings,  -- sessions that were rated
    coalesce(sum(placed.rating_given), 0) as sum_of_ratings -- their ratings, 0 to 10
from placed
left join weighted on placed.title_id = weighted.title_id
group by
    placed.month,
    coalesce(weighted.genre, 'unknown'),
    coalesce(weighted.genres_of_title, 1),
    placed.plan_then,
    placed.region_level,
    placed.place
