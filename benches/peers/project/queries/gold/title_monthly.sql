-- How popular each title was, month by month.
--
-- partition_by: month
-- grain: month, title_id

select
    month,                                  -- first day of the month
    title_id,                               -- the title
    count(*) as sessions,                   -- sessions that began in it
    count(distinct user_id) as viewers,     -- different users
    sum(date_part('epoch', end_time) - date_part('epoch', start_time)) / 60 as watch_minutes, -- minutes of them
    avg(completion_rate) as completion_rate -- mean share of the title watched
from silver.watch_sessions
group by month, title_id
