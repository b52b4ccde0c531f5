-- How long do the sessions of each plan last?

select
    plan,                                   -- the viewers' plan at the time; none without one
    sessions,                               -- sessions
    avg_session_minutes,                    -- mean minutes between start and end
    median_session_minutes,                 -- half of the sessions are shorter
    avg_watch_minutes,                      -- mean minutes watched, at most the film's length
    median_watch_minutes                    -- in half of the sessions fewer
from gold.session_duration_by_plan
order by avg_session_minutes desc nulls last, plan
