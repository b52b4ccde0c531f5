-- The shares of genres add up to 1, overall and in each country and month.
--
-- Minutes divided among a title's genres add up to the minutes watched.

with

watched as (

    select coalesce(sum(watch_minutes), 0) as watch_minutes
    from silver.watch_sessions

),

totals as (

    select
        'all' as place,
        cast(null as date) as month,
        sum(genre_watch_share) as share,
        sum(watch_minutes_split) as watch_minutes
    from gold.genre_watch_time
    union all
    select
        country as place,
        month,
        sum(genre_watch_share) as share,
        null as watch_minutes
    from gold.genre_watch_by_country_monthly
    group by country, month
    union all
    select
        'all countries' as place,
        null as month,
        null as share,
        sum(watch_minutes_split) as watch_minutes
    from gold.genre_watch_by_country_monthly

)

select
    totals.place,
    totals.month,
    totals.share,
    totals.watch_minutes as watch_minutes_in_mart,
    watched.watch_minutes
from totals
cross join watched
where
    abs(totals.share - 1) > 0.000000001
    or abs(totals.watch_minutes - watched.watch_minutes)
    > 0.001 + 0.000000001 * watched.watch_minutes
