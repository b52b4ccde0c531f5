-- Which titles each user has watched so far.
--
-- One row per user and title. Sessions after `silver.as_of` and those of
-- unknown users do not count.
--
-- materialized: view

select
    user_id,                                -- who watched
    title_id,                               -- what was watched
    sum(sessions) as sessions,              -- sessions with it
    sum(watch_minutes) as watch_minutes,    -- minutes watched in them
    sum(completed_sessions) as completed_sessions, -- watched to the end
    sum(sessions_of_known_length) as sessions_of_known_length, -- whose completion ratio is known
    sum(sum_of_completion_ratios) as sum_of_completion_ratios, -- these ratios added up
    min(first_session_date) as first_session_date, -- day of the first
    max(last_session_date) as last_session_date -- day of the latest
from silver.user_title_months
group by user_id, title_id
