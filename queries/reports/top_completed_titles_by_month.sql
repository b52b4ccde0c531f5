-- Which titles were watched to the end most often in the latest month, or in a given one?
--
-- param: month date = null
-- param: limit bigint = 10

with

chosen as (

    select
        coalesce(cast(date_trunc('month', cast($month as date)) as date), max(month)) as month
    from gold.top_completed_titles_monthly

)

select
    completed.month,                        -- first day of the month
    completed.rank_in_month as place,       -- 1 was completed the most often
    titles.title,                           -- as written
    titles.genres,                          -- comma list
    completed.completed_sessions,           -- sessions watched to the end
    completed.sessions,                     -- sessions in the month
    completed.viewers                       -- different users
from gold.top_completed_titles_monthly as completed
inner join chosen on completed.month = chosen.month
left join silver.titles on completed.title_id = titles.title_id
where completed.rank_in_month <= $limit
order by completed.rank_in_month
