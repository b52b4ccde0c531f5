-- Every viewing session, with the minutes that count and whether it completed.
--
-- `watch_minutes` is the session's length, for films of known length at most
-- the film's. `completion_ratio` is their share of the film's length; null for
-- series and unknown lengths. A session is completed from the ratio on that
-- `silver.settings` names. Nothing is left out: a session that ends before it
-- starts, or lies before its user registered or its title was added, is flagged.
--
-- partition_by: month
-- grain: month, session_id
-- order_by: title_id, user_id, session_id
-- not_null: user_id, title_id, started_at
-- references: user_id -> silver.users.user_id (warn)
-- references: title_id -> silver.titles.title_id (warn)
-- check: completion_ratio is null or completion_ratio between 0 and 1
-- check: watch_minutes is null or watch_minutes >= 0
-- check: watch_minutes is null or watch_minutes <= session_minutes
-- check: not is_end_before_start (warn)

with

timed as (

    select
        month,
        session_id,
        user_id,
        movie_id as title_id,
        trim(device_type) as device_type,
        start_time as started_at,
        end_time as ended_at,
        coalesce(end_time < start_time, false) as is_end_before_start,
        case
            when end_time >= start_time then
                cast(
                    date_part('epoch', end_time) - date_part('epoch', start_time) as bigint
                ) / 60
        end as session_minutes,
        completion_rate as reported_completion_ratio
    from bronze.watch_sessions
    where _current

)

select
    timed.month,                            -- first day of the month it started in
    timed.session_id,                       -- the session's number
    timed.user_id,                          -- who watched
    timed.title_id,                         -- what was watched
    timed.device_type,                      -- device watched on
    timed.started_at,                       -- when it began
    timed.ended_at,                         -- when it ended; null while open
    timed.session_minutes,                  -- whole minutes between start and end; null without an end after the start
    titles.duration_minutes as title_minutes, -- the film's length; null for series
    case
        when titles.duration_minutes < timed.session_minutes
            then cast(titles.duration_minutes as bigint)
        else timed.session_minutes
    end as watch_minutes,                   -- minutes watched, at most the film's length
    cast(
        case
            when titles.duration_minutes <= timed.session_minutes then 1.0
            else cast(timed.session_minutes as decimal(12,4)) / titles.duration_minutes
        end as decimal(7,6)
    ) as completion_ratio,                  -- share of the film watched, 0 to 1
    timed.session_minutes
    >= settings.completed_at * titles.duration_minutes as is_completed, -- watched to the end; null where the length is unknown
    timed.reported_completion_ratio,        -- what the source says
    timed.is_end_before_start,              -- the source's end lies before its start
    timed.started_at < users.joined_at as is_before_joining, -- started before the user registered
    timed.started_at < titles.added_at as is_before_added -- started before the title was added
from timed
cross join silver.settings
left join silver.titles on timed.title_id = titles.title_id
left join silver.users on timed.user_id = users.user_id
