-- The sessions of known users are as many by session, by day and by month.
--
-- Minutes likewise. Those of unknown users are in the tables by title only.

with

by_session as (

    select
        count(*) as sessions,
        coalesce(sum(watch_minutes), 0) as watch_minutes
    from silver.watch_sessions
    where not is_unknown_user

),

by_day as (

    select
        coalesce(sum(sessions), 0) as sessions,
        coalesce(sum(watch_minutes), 0) as watch_minutes
    from silver.user_days

),

by_month as (

    select
        coalesce(sum(total_sessions), 0) as sessions,
        coalesce(sum(total_watch_time_minutes), 0) as watch_minutes
    from gold.mart_user_activity_monthly

)

select
    by_session.sessions,
    by_day.sessions as sessions_by_day,
    by_month.sessions as sessions_by_month,
    by_session.watch_minutes,
    by_day.watch_minutes as watch_minutes_by_day,
    by_month.watch_minutes as watch_minutes_by_month
from by_session
cross join by_day
cross join by_month
where
    by_session.sessions <> by_day.sessions
    or by_session.sessions <> by_month.sessions
    or by_session.watch_minutes <> by_day.watch_minutes
    or by_session.watch_minutes <> by_month.watch_minutes
