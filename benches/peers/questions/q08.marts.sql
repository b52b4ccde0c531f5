-- Users at risk: no session for thirty days
select user_id, country, last_started_at, sessions_30, sessions_60, sessions_90, sessions
from gold.churn_risk
