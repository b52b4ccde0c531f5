-- Which titles were watched the most in the latest month, or in a given one?
--
-- tags: demo
-- param: month date = null
-- param: limit bigint = 10

with

chosen as (

    select
        coalesce(cast(date_trunc('month', cast($month as date)) as date), max(month)) as month
    from gold.mart_movie_popularity_monthly

)

select
    popularity.rank_in_month as place,      -- 1 is the most watched
    titles.title,                           -- as written
    titles.genres,                          -- comma list
    popularity.sessions,                    -- sessions in the month
    popularity.viewers,                     -- different users
    popularity.watch_minutes                -- minutes watched
from gold.mart_movie_popularity_monthly as popularity
inner join chosen on popularity.month = chosen.month
left join silver.titles on popularity.title_id = titles.title_id
where popularity.rank_in_month <= $limit
order by popularity.rank_in_month
