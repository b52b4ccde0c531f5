-- How active each user was, month by month.
--
-- partition_by: month
-- grain: month, user_id

select
    month,                                  -- first day of the month
    user_id,                                -- the user
    count(*) as sessions,                   -- sessions that began in it
    sum(date_part('epoch', end_time) - date_part('epoch', start_time)) / 60 as watch_minutes, -- minutes of them
    avg(completion_rate) as completion_rate, -- mean share of the titles watched
    max(start_time) as last_started_at      -- when the latest began
from silver.watch_sessions
group by month, user_id
