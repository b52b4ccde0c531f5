-- Monthly activity of users
select month, user_id, count(*) as sessions, sum({us:end_time} - {us:start_time}) / 60000000.0 as watch_minutes,
    avg(completion_rate) as completion_rate, max(start_time) as last_started_at
from watch_sessions
group by month, user_id
