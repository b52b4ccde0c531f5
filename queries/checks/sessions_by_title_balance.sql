-- The tables by title, genre and device hold each month's sessions and minutes once.

with

by_session as (

    select
        month,
        count(*) as sessions,
        coalesce(sum(watch_minutes), 0) as watch_minutes
    from silver.watch_sessions
    group by month

),

marts as (

    select
        'gold.mart_movie_popularity_monthly' as mart,
        month,
        sum(sessions) as sessions,
        coalesce(sum(watch_minutes), 0) as watch_minutes
    from gold.mart_movie_popularity_monthly
    group by month
    union all
    select
        'gold.fact_movie_popularity' as mart,
        month,
        sum(total_watch_count) as sessions,
        sum(total_watch_time_minutes) as watch_minutes
    from gold.fact_movie_popularity
    group by month
    union all
    select
        'gold.watch_by_device_monthly' as mart,
        month,
        sum(sessions) as sessions,
        sum(watch_minutes) as watch_minutes
    from gold.watch_by_device_monthly
    group by month

)

select
    marts.mart,
    coalesce(by_session.month, marts.month) as month,
    by_session.sessions,
    marts.sessions as sessions_in_mart,
    by_session.watch_minutes,
    marts.watch_minutes as watch_minutes_in_mart
from by_session
full join marts on by_session.month = marts.month
where
    (by_session.sessions is distinct from marts.sessions)
    or (by_session.watch_minutes is distinct from marts.watch_minutes)
