-- What do users watch on?
--
-- In a given month, or in all.
--
-- param: month date = null

with

devices as (

    select
        device_type,
        sum(sessions) as sessions,
        sum(watch_minutes) as watch_minutes,
        sum(completed_sessions) as completed_sessions,
        sum(sessions_of_known_length) as sessions_of_known_length
    from gold.watch_by_device_monthly
    where $month is null or month = cast(date_trunc('month', cast($month as date)) as date)
    group by device_type

)

select
    device_type,                            -- device watched on
    sessions,                               -- sessions on it
    cast(sessions as double) / sum(sessions) over () as session_share, -- share of all sessions
    watch_minutes,                          -- minutes watched
    cast(completed_sessions as double)
    / nullif(sessions_of_known_length, 0) as completion_rate -- completed over sessions of known length
from devices
order by sessions desc, device_type
