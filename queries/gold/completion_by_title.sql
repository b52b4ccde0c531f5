-- How often each title is watched to the end.
--
-- One row per title with a session. `completion_rate` is over the sessions
-- whose completion is known, because one with a series, a title of unknown
-- length or without an end can never complete; it is null where there are none.
-- The rate over all sessions stands beside it.
--
-- grain: title_id
-- references: title_id -> silver.titles.title_id (warn)
-- check: completed_sessions <= sessions_of_known_length
-- check: sessions_of_known_length <= sessions
-- check: completion_rate is null or completion_rate between 0 and 1
-- check: completion_rate_all_sessions between 0 and 1
-- check: avg_completion_ratio is null or avg_completion_ratio between 0 and 1

select
    title_id,                               -- see silver.titles
    count(*) as sessions,                   -- sessions with it
    count(is_completed) as sessions_of_known_length, -- of those, completion is known
    count(*) filter (where is_completed) as completed_sessions, -- of those, watched to the end
    cast(count(*) filter (where is_completed) as double)
    / nullif(count(is_completed), 0) as completion_rate, -- completed over those of known length
    cast(count(*) filter (where is_completed) as double)
    / count(*) as completion_rate_all_sessions, -- completed over all sessions
    cast(sum(completion_ratio) as double)
    / nullif(count(completion_ratio), 0) as avg_completion_ratio -- mean share of the title watched
from silver.watch_sessions
group by title_id
