-- Monthly activity of users
select month, user_id, sessions, watch_minutes, completion_rate, last_started_at
from gold.user_monthly
