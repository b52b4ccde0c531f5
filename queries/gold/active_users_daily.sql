-- How many users watched on each day (DAU).
--
-- Every day from the first with a session to the last has a row, also those
-- without one. Days after `silver.as_of` and sessions of unknown users do not
-- count.
--
-- grain: day
-- check: dau <= sessions
-- check: (dau = 0) = (sessions = 0)
-- check: watch_minutes >= 0

with

counted as (

    select
        active_days.day,
        active_days.dau,
        active_days.sessions,
        active_days.watch_minutes
    from silver.active_days
    cross join silver.as_of
    where active_days.day <= as_of.as_of

),

span as (

    select
        min(day) as first_day,
        max(day) as last_day
    from counted
    having min(day) is not null

),

days as (

    select unnest(generate_series(first_day, last_day, interval '1 day')) as day
    from span

)

select
    days.day,                               -- the day
    coalesce(counted.dau, 0) as dau,        -- different users with a session
    coalesce(counted.sessions, 0) as sessions, -- sessions that began on the day
    coalesce(counted.watch_minutes, 0) as watch_minutes -- minutes watched in them
from days
left join counted on days.day = counted.day
