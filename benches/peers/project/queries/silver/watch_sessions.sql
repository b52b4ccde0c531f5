-- Every viewing session.
--
-- partition_by: month
-- grain: month, session_id
-- order_by: user_id, title_id, session_id

select
    month,                                  -- first day of the month it started in
    session_id,                             -- the session's number
    user_id,                                -- who watched
    movie_id as title_id,                   -- what was watched
    local_date(start_time) as day,          -- the day it started
    device_type,                            -- device watched on
    start_time,                             -- when it began
    end_time,                               -- when it ended
    completion_rate / 100 as completion_rate -- share of the title watched, 0 to 1
from bronze.watch_sessions
where _current
