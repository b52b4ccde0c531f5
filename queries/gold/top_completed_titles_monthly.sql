-- The ten titles that were watched to the end most often, month by month.
--
-- Of equal ones the title with more minutes comes first, then the smaller
-- number. A title that nobody completed in the month is not listed, so a month
-- can have fewer than ten.
--
-- partition_by: month
-- grain: month, title_id
-- order_by: month, rank_in_month
-- unique: month, rank_in_month
-- check: rank_in_month between 1 and 10
-- check: completed_sessions between 1 and sessions

with

ranked as (

    select
        month,
        title_id,
        completed_sessions,
        sessions,
        viewers,
        watch_minutes,
        row_number() over (
            partition by month
            order by completed_sessions desc, watch_minutes desc, title_id
        ) as rank_in_month
    from gold.mart_movie_popularity_monthly
    where completed_sessions > 0

)

select
    month,                                  -- first day of the month
    rank_in_month,                          -- 1 was completed the most often
    title_id,                               -- see silver.titles
    completed_sessions,                     -- sessions watched to the end
    sessions,                               -- sessions that began in the month
    viewers,                                -- different users
    watch_minutes                           -- minutes watched, all users together
from ranked
where rank_in_month <= 10
