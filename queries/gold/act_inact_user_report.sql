-- How many users have ever watched, and how many never.
--
-- Active is who has at least one session up to `silver.as_of`. Who has watched
-- lately is told by `gold.user_churn_risk`.
--
-- materialized: view
-- grain: status
-- accepted: status in (active users, inactive users)
-- check: users >= 0

with

counted as (

    select
        count(*) filter (where sessions > 0) as active_users,
        count(*) filter (where sessions = 0) as inactive_users
    from gold.user_churn_risk

)

select
    'active users' as status,               -- active users or inactive users
    active_users as users                   -- users of that status
from counted
union all
select
    'inactive users' as status,
    inactive_users as users
from counted
