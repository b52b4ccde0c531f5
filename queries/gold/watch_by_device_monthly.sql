-- What was watched on each kind of device, month by month.
--
-- Viewers do not add up: a user of two devices counts on each. Sessions whose
-- source names no device make the device `unknown`.
--
-- partition_by: month
-- grain: month, device_type
-- check: viewers <= sessions
-- check: completed_sessions <= sessions_of_known_length
-- check: sessions_of_known_length <= sessions
-- check: completion_rate is null or completion_rate between 0 and 1

with

viewings as (

    select
        month,
        coalesce(device_type, 'unknown') as device_type,
        user_id,
        count(*) as sessions,
        sum(watch_minutes) as watch_minutes,
        sum(session_minutes) as session_minutes,
        count(session_minutes) as ended_sessions,
        count(is_completed) as sessions_of_known_length,
        count(*) filter (where is_completed) as completed_sessions
    from silver.watch_sessions
    group by month, coalesce(device_type, 'unknown'), user_id

)

select
    month,                                  -- first day of the month
    device_type,                            -- device watched on
    sum(sessions) as sessions,              -- sessions that began in the month
    count(*) as viewers,                    -- different users
    coalesce(sum(watch_minutes), 0) as watch_minutes, -- minutes watched, all users together
    cast(sum(session_minutes) as double)
    / nullif(sum(ended_sessions), 0) as avg_session_minutes, -- minutes between start and end, of sessions that have both
    sum(sessions_of_known_length) as sessions_of_known_length, -- of titles whose length is known
    sum(completed_sessions) as completed_sessions, -- watched to the end
    cast(sum(completed_sessions) as double)
    / nullif(sum(sessions_of_known_length), 0) as completion_rate -- completed over those of known length
from viewings
group by month, device_type
