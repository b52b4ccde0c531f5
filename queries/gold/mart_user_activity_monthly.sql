-- How much each user watched, month by month.
--
-- One row per user and month with a session. The average is total minutes over
-- sessions; the mean of daily averages is another number. Sessions of unknown
-- users are left out. A session without an end counts as a session without
-- minutes.
--
-- partition_by: month
-- grain: month, user_id
-- references: user_id -> silver.users.user_id
-- check: completed_sessions <= sessions_of_known_length
-- check: sessions_of_known_length <= total_sessions
-- check: active_days between 1 and least(total_sessions, 31)

select
    month,                                  -- first day of the month
    user_id,                                -- see silver.users
    coalesce(sum(watch_minutes), 0) as total_watch_time_minutes, -- minutes watched
    sum(sessions) as total_sessions,        -- sessions that began in the month
    cast(coalesce(sum(watch_minutes), 0) as double)
    / sum(sessions) as avg_watch_duration,  -- minutes per session
    sum(completed_sessions) as completed_sessions, -- watched to the end
    sum(sessions_of_known_length) as sessions_of_known_length, -- of titles whose length is known
    count(*) as active_days                 -- days with a session
from silver.user_days
group by month, user_id
