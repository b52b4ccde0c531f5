-- How many users watched in each week (WAU).
--
-- ISO weeks, from Monday to Sunday, so that one around New Year is whole. Every
-- week from the first with a session to the last has a row. Days after
-- `silver.as_of` and sessions of unknown users do not count. A week that is not
-- over at `silver.as_of` is partial.
--
-- grain: week_start
-- check: extract(dow from week_start) = 1
-- check: wau <= sessions
-- check: (wau = 0) = (sessions = 0)

with

counted as (

    select
        cast(date_trunc('week', active_days.day) as date) as week_start,
        bitmap_count(bitmap_merge(active_days.users)) as wau,
        sum(active_days.sessions) as sessions,
        sum(active_days.watch_minutes) as watch_minutes
    from silver.active_days
    cross join silver.as_of
    where active_days.day <= as_of.as_of
    group by cast(date_trunc('week', active_days.day) as date)

),

span as (

    select
        min(week_start) as first_week,
        max(week_start) as last_week
    from counted
    having min(week_start) is not null

),

weeks as (

    select unnest(generate_series(first_week, last_week, interval '7 days')) as week_start
    from span

)

select
    weeks.week_start,                       -- the week's Monday
    weeks.week_start + 6 > as_of.as_of as is_partial, -- the week was not over at as_of
    coalesce(counted.wau, 0) as wau,        -- different users with a session
    coalesce(counted.sessions, 0) as sessions, -- sessions that began in the week
    coalesce(counted.watch_minutes, 0) as watch_minutes -- minutes watched in them
from weeks
cross join silver.as_of
left join counted on weeks.week_start = counted.week_start
