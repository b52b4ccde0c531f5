-- Every viewing session as a fact of the star, keyed by its day.
--
-- `completed_flag` compares fractions: a session is completed from the share of
-- the film on that `silver.settings` names. It is null where that share is
-- unknown, and such a session is neither completed nor not.
--
-- materialized: view
-- partition_by: month
-- grain: month, session_id
-- references: date_key -> gold.dim_date.date_key

select
    month,                                  -- first day of the month
    session_id,                             -- the session's number
    user_id,                                -- see gold.dim_users
    title_id,                               -- see gold.dim_movies
    session_date as date_key,               -- see gold.dim_date; the day it began
    device_type,                            -- device watched on
    started_at,                             -- when it began
    ended_at,                               -- when it ended; null while open
    watch_minutes as watch_duration_minutes, -- minutes watched, at most the film's length
    session_minutes,                        -- whole minutes between start and end
    completion_ratio,                       -- share of the film watched, 0 to 1
    is_completed as completed_flag,         -- watched to the end
    plan,                                   -- the viewer's plan at the time
    country                                 -- where it was watched, or the viewer's country
from silver.watch_sessions
