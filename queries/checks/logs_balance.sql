-- Every log counts once: with its region, in the totals by title, and by genre.
--
-- Split over a title's genres, minutes add up to those watched.

with

facts as (

    select count(*) as logs
    from silver.fact_logs

),

cleaned as (

    select count(*) as logs
    from gold.cleaned_fact_table

),

by_session as (

    select
        count(*) as logs,
        coalesce(sum(watch_sessions.watch_minutes), 0) as watch_minutes
    from silver.watch_sessions
    cross join silver.as_of
    where not watch_sessions.is_unknown_user and watch_sessions.session_date <= as_of.as_of

),

by_title as (

    select
        coalesce(sum(sessions), 0) as logs,
        coalesce(sum(watch_minutes), 0) as watch_minutes
    from silver.title_months

),

by_genre as (

    select coalesce(sum(watch_minutes_split), 0) as watch_minutes
    from gold.genre_totals

)

select
    facts.logs,
    cleaned.logs as logs_with_regions,
    by_session.logs as logs_by_as_of,
    by_title.logs as logs_by_title,
    by_session.watch_minutes,
    by_title.watch_minutes as watch_minutes_by_title,
    by_genre.watch_minutes as watch_minutes_by_genre
from facts
cross join cleaned
cross join by_session
cross join by_title
cross join by_genre
where
    facts.logs <> cleaned.logs
    or by_session.logs <> by_title.logs
    or by_session.watch_minutes <> by_title.watch_minutes
    or abs(by_title.watch_minutes - by_genre.watch_minutes)
    > 0.001 + 0.000000001 * by_title.watch_minutes
