-- Which genres does each country watch most in a month, and are they rising?
--
-- The latest complete month, or that of a given day; every country, or one. The
-- month before stands beside it.
--
-- param: country text = null
-- param: month date = null
-- param: limit bigint = 5

with

chosen as (

    select
        coalesce(
            cast(date_trunc('month', cast($month as date)) as date),
            max(month) filter (where not is_partial),
            max(month)
        ) as month
    from gold.active_users_monthly

)

select
    trending.month,                         -- first day of the month
    trending.country,                       -- where it was watched
    trending.rank as place,                 -- 1 is the country's most watched
    trending.genre,                         -- one genre
    trending.watch_minutes_full,            -- minutes, in full for each genre of a title
    trending.genre_watch_share,             -- share of the country's minutes, divided among a title's genres
    before.watch_minutes_full as watch_minutes_full_before, -- minutes in the month before
    cast(trending.watch_minutes_full - before.watch_minutes_full as double)
    / nullif(before.watch_minutes_full, 0) as growth_rate -- more or less than in it, as a fraction
from gold.genre_watch_by_country_monthly as trending
inner join chosen on trending.month = chosen.month
left join gold.genre_watch_by_country_monthly as before
    on before.month = cast(trending.month - interval '1 month' as date)
    and trending.country = before.country
    and trending.genre = before.genre
where
    trending.rank <= $limit
    and ($country is null or lower(trending.country) = lower($country))
order by trending.country, trending.rank
