-- Which titles each user has watched so far.
--
-- One row per user and title. Sessions after `silver.as_of` and those of
-- unknown users do not count.
--
-- grain: user_id, title_id
-- references: user_id -> silver.users.user_id
-- check: completed_sessions <= sessions_of_known_length
-- check: sessions_of_known_length <= sessions
-- check: first_session_date <= last_session_date

select
    watch_sessions.user_id,                 -- who watched
    watch_sessions.title_id,                -- what was watched
    count(*) as sessions,                   -- sessions with it
    coalesce(sum(watch_sessions.watch_minutes), 0) as watch_minutes, -- minutes watched in them
    count(*) filter (where watch_sessions.is_completed) as completed_sessions, -- watched to the end
    count(watch_sessions.completion_ratio) as sessions_of_known_length, -- whose completion ratio is known
    coalesce(sum(watch_sessions.completion_ratio), 0) as sum_of_completion_ratios, -- these ratios added up
    min(watch_sessions.session_date) as first_session_date, -- day of the first
    max(watch_sessions.session_date) as last_session_date -- day of the latest
from silver.watch_sessions
cross join silver.as_of
where not watch_sessions.is_unknown_user and watch_sessions.session_date <= as_of.as_of
group by watch_sessions.user_id, watch_sessions.title_id
