-- Which titles each user watched in which month.
--
-- Sessions of unknown users and those after `silver.as_of` do not count.
--
-- partition_by: month
-- grain: month, user_id, title_id
-- check: completed_sessions <= sessions_of_known_length
-- check: sessions_of_known_length <= sessions
-- check: first_session_date <= last_session_date

select
    watch_sessions.month,                   -- first day of the month
    watch_sessions.user_id,                 -- who watched
    watch_sessions.title_id,                -- what was watched
    count(*) as sessions,                   -- sessions with it
    coalesce(sum(watch_sessions.watch_minutes), 0) as watch_minutes, -- minutes watched in them
    count(*) filter (where watch_sessions.is_completed) as completed_sessions, -- watched to the end
    count(watch_sessions.completion_ratio) as sessions_of_known_length, -- whose completion ratio is known
    coalesce(sum(watch_sessions.completion_ratio), 0) as sum_of_completion_ratios, -- these ratios added up
    min(watch_sessions.session_date) as first_session_date, -- day of the first
    max(watch_sessions.session_date) as last_session_date -- day of the last
from silver.watch_sessions
inner join silver.months
    on watch_sessions.month = months.month
    and watch_sessions.session_date <= months.last_day
where not watch_sessions.is_unknown_user
group by watch_sessions.month, watch_sessions.user_id, watch_sessions.title_id
