-- What was watched in which month, by plan and by region.
--
-- The small table that figures on all titles together are added up from. The
-- plan is the viewer's at the time. The region is the finest place that the
-- source gives: a region, else a country, else `unknown`. Sessions of unknown
-- users and those after `silver.as_of` do not count.
--
-- partition_by: month
-- grain: month, plan, region_level, region
-- accepted: region_level in (region, country, unknown)
-- check: sessions > 0
-- check: completed_sessions <= sessions_of_known_length
-- check: sessions_of_known_length <= sessions
-- check: timed_sessions <= sessions

with

placed as (

    select
        watch_sessions.month,
        watch_sessions.session_seconds,
        watch_sessions.watch_minutes,
        watch_sessions.is_completed,
        watch_sessions.completion_ratio,
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
    month,                                  -- first day of the month
    plan_then as plan,                      -- the viewer's plan at the time; none without one
    region_level,                           -- what the region is: region, country or unknown
    place as region,                        -- where it was watched
    count(*) as sessions,                   -- sessions
    count(session_seconds) as timed_sessions, -- of those, with an end after the start
    coalesce(sum(session_seconds), 0) as session_seconds, -- seconds between their starts and ends
    coalesce(sum(watch_minutes), 0) as watch_minutes, -- minutes watched
    count(is_completed) as sessions_of_known_length, -- sessions whose completion is known
    count(*) filter (where is_completed) as completed_sessions, -- of those, watched to the end
    coalesce(sum(completion_ratio), 0) as sum_of_completion_ratios -- their shares of the title
from placed
group by month, plan_then, region_level, place
