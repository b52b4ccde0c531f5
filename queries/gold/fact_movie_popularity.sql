-- How popular each title was, day by day.
--
-- One row per title and day; a day on which nobody watched a title has no row.
-- Viewers of several days do not add up: the same person would count twice.
-- `gold.mart_movie_popularity_monthly` counts those of a month. An average of
-- these averages is not the month's average. Viewers are counted in two steps,
-- by user and then by title, because sets of users do not spill to disk and
-- groups do.
--
-- partition_by: month
-- grain: month, date_key, title_id
-- references: title_id -> silver.titles.title_id (warn)
-- references: date_key -> gold.dim_date.date_key
-- check: unique_viewers <= total_watch_count
-- check: completed_sessions <= total_watch_count

with

viewings as (

    select
        month,
        session_date,
        title_id,
        user_id,
        count(*) as sessions,
        sum(watch_minutes) as watch_minutes,
        count(*) filter (where is_completed) as completed_sessions
    from silver.watch_sessions
    group by month, session_date, title_id, user_id

),

totals as (

    select
        month,
        session_date,
        title_id,
        sum(sessions) as sessions,
        count(*) as viewers,
        coalesce(sum(watch_minutes), 0) as watch_minutes,
        sum(completed_sessions) as completed_sessions
    from viewings
    group by month, session_date, title_id

)

select
    month,                                  -- first day of the month
    session_date as date_key,               -- see gold.dim_date
    title_id,                               -- see gold.dim_movies
    sessions as total_watch_count,          -- sessions that began on the day
    viewers as unique_viewers,              -- different users
    watch_minutes as total_watch_time_minutes, -- minutes watched, all users together
    cast(watch_minutes as double) / sessions as avg_watch_duration, -- minutes per session
    completed_sessions                      -- sessions watched to the end
from totals
