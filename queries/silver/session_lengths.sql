-- How many sessions of each length a month had, by plan: medians are read off it.
--
-- `session` is the time from start to end, `watch` the same but at most the
-- film's length. Sessions without an end after their start have no length.
-- Sessions of unknown users and those after `silver.as_of` do not count.
--
-- partition_by: month
-- grain: month, plan, measure, seconds
-- accepted: measure in (session, watch)
-- check: sessions > 0
-- check: seconds >= 0

with

timed as (

    select
        watch_sessions.month,
        coalesce(watch_sessions.plan, 'none') as plan,
        watch_sessions.session_seconds,
        watch_sessions.title_minutes,
        count(*) as sessions
    from silver.watch_sessions
    inner join silver.months
        on watch_sessions.month = months.month
        and watch_sessions.session_date <= months.last_day
    where not watch_sessions.is_unknown_user and watch_sessions.session_seconds is not null
    group by
        watch_sessions.month,
        coalesce(watch_sessions.plan, 'none'),
        watch_sessions.session_seconds,
        watch_sessions.title_minutes

),

measured as (

    select
        month,
        plan,
        'session' as measure,
        session_seconds as seconds,
        sessions
    from timed
    union all
    select
        month,
        plan,
        'watch' as measure,
        least(session_seconds, title_minutes * 60) as seconds,
        sessions
    from timed

)

select
    month,                                  -- first day of the month
    plan,                                   -- the viewers' plan at the time; none without one
    measure,                                -- session or watch
    seconds,                                -- the length
    sum(sessions) as sessions               -- sessions of that length
from measured
group by month, plan, measure, seconds
