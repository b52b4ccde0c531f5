-- Which users watched on which day: what active users are counted from.
--
-- A session counts on the day it began, by the clocks of the project's zone.
-- Sessions of unknown users are left out.
--
-- partition_by: month
-- grain: month, day, user_id
-- check: sessions > 0
-- check: completed_sessions <= sessions
-- check: ended_sessions <= sessions

select
    month,                                  -- first day of the month
    session_date as day,                    -- the day
    user_id,                                -- who watched
    count(*) as sessions,                   -- sessions that began on the day
    sum(watch_minutes) as watch_minutes,    -- minutes watched in them
    sum(session_minutes) as session_minutes, -- minutes between their starts and ends
    count(session_minutes) as ended_sessions, -- sessions with an end after the start
    count(*) filter (where is_completed) as completed_sessions, -- watched to the end
    count(is_completed) as sessions_of_known_length, -- of titles whose length is known
    sum(completion_ratio) as sum_of_completion_ratios -- shares of those titles watched; null without such
from silver.watch_sessions
where not is_unknown_user
group by month, session_date, user_id
