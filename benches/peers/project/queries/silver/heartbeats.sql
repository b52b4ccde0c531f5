-- What players send once a minute while a session runs.
--
-- partition_by: day
-- order_by: event_time, user_id

select
    day,                                    -- the day it was sent
    user_id,                                -- who watches
    movie_id as title_id,                   -- what is watched
    device_type,                            -- device watched on
    event_time                              -- when it was sent
from bronze.heartbeats
