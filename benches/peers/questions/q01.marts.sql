-- Monthly popularity of titles, with different viewers
select month, title_id, sessions, viewers, watch_minutes, completion_rate
from gold.title_monthly
