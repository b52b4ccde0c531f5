-- What one user watched
select session_id, title_id, device_type, start_time, end_time, completion_rate
from watch_sessions
where user_id = 4242
order by start_time, session_id
