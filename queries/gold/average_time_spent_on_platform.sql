-- How long a session lasts, on average.
--
-- One row. From start to end, what goes beyond the film included: that time was
-- spent on the platform too. Sessions up to `silver.as_of`.
--
-- materialized: view
-- check: timed_sessions <= sessions
-- check: avg_session_minutes is null or avg_session_minutes >= 0

select
    round(
        cast(sum(session_seconds) as double) / 60 / nullif(sum(timed_sessions), 0)
    ) as avg_session_minutes,               -- mean minutes between start and end, to the minute
    coalesce(sum(timed_sessions), 0) as timed_sessions, -- sessions with an end after the start
    coalesce(sum(sessions), 0) as sessions  -- all sessions
from silver.viewing_months
