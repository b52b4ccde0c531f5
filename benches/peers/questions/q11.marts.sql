-- Retention of the users who joined in a month
select cohort, months_since_joining, active_users
from gold.retention
