-- Who watched on each day, as a set: what active users of any time are counted from.
--
-- Counts of users do not add up over days, sets do: `bitmap_merge(users)` unites
-- those of several days and `bitmap_count` counts them. A day without a session
-- has no row. Sessions of unknown users are left out, those after
-- `silver.as_of` are not.
--
-- partition_by: month
-- grain: month, day
-- check: dau <= sessions
-- check: dau = bitmap_count(users)
-- check: completed_sessions <= sessions_of_known_length
-- check: sessions_of_known_length <= sessions
-- check: ended_sessions <= sessions

select
    month,                                  -- first day of the month
    day,                                    -- the day
    bitmap_agg(user_id) as users,           -- the users with a session
    count(*) as dau,                        -- how many they are
    sum(sessions) as sessions,              -- sessions that began on the day
    coalesce(sum(watch_minutes), 0) as watch_minutes, -- minutes watched in them
    coalesce(sum(session_minutes), 0) as session_minutes, -- minutes between their starts and ends
    sum(ended_sessions) as ended_sessions,  -- sessions with an end after the start
    sum(completed_sessions) as completed_sessions, -- watched to the end
    sum(sessions_of_known_length) as sessions_of_known_length -- of titles whose length is known
from silver.user_days
group by month, day
