-- How popular each title was, month by month.
--
-- One row per title and calendar month. A month in which nobody watched a
-- title has no row. Viewers of several months or titles do not add up: the
-- same person would count twice. Viewers are counted in two steps, by user and
-- then by title, because sets of users do not spill to disk and groups do.
--
-- partition_by: month
-- grain: month, title_id
-- references: title_id -> silver.titles.title_id (warn)
-- check: viewers <= sessions
-- check: completed_sessions <= sessions
-- owner: content-analytics

with

viewings as (

    select
        month,
        title_id,
        user_id,
        count(*) as sessions,
        coalesce(sum(watch_minutes), 0) as watch_minutes,
        coalesce(sum(session_minutes), 0) as session_minutes,
        count(*) filter (where is_completed) as completed_sessions
    from silver.watch_sessions
    group by month, title_id, user_id

),

totals as (

    select
        month,
        title_id,
        sum(sessions) as sessions,
        count(*) as viewers,
        sum(watch_minutes) as watch_minutes,
        sum(session_minutes) as session_minutes,
        sum(completed_sessions) as completed_sessions
    from viewings
    group by month, title_id

)

select
    month,                                  -- first day of the month
    title_id,                               -- see silver.titles
    sessions,                               -- sessions that started in the month
    viewers,                                -- different users
    watch_minutes,                          -- minutes watched, all users together
    cast(watch_minutes as double) / sessions as avg_watch_minutes, -- per session
    session_minutes,                        -- minutes between start and end, all together
    completed_sessions,                     -- sessions watched to the end
    rank() over (
        partition by month
        order by watch_minutes desc, title_id
    ) as rank_in_month                      -- 1 is the most watched
from totals
