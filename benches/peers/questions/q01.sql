-- Monthly popularity of titles, with different viewers
select month, title_id, count(*) as sessions, count(distinct user_id) as viewers,
    sum({us:end_time} - {us:start_time}) / 60000000.0 as watch_minutes, avg(completion_rate) as completion_rate
from watch_sessions
group by month, title_id
