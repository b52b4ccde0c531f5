-- Which users are about to be lost: no longer watching, or hardly?
--
-- `risk` chooses inactive, low_engagement or ok; without it, all but ok. Only
-- users with a live subscription are listed, because the others are lost already;
-- `all_users` lists them too. Users of low engagement come first, while they can
-- still be kept; then the inactive, those who left last first.
--
-- param: risk text = null
-- param: plan text = null
-- param: all_users boolean = false
-- param: limit bigint = 100

select
    user_churn_risk.user_id,                -- the user's number
    users.name,                             -- full name
    user_churn_risk.plan,                   -- of the live subscription, else the latest
    user_churn_risk.risk,                   -- inactive, low_engagement or ok
    user_churn_risk.reason,                 -- why it is not ok
    user_churn_risk.last_session_date,      -- day of the latest session
    user_churn_risk.days_since_last_session, -- days from it to as_of
    user_churn_risk.sessions_last_30_days,  -- sessions in the days that make a user active
    user_churn_risk.avg_completion_ratio_last_30_days -- mean share of the titles watched in them
from gold.user_churn_risk
inner join silver.users on user_churn_risk.user_id = users.user_id
where
    user_churn_risk.risk = coalesce(lower($risk), user_churn_risk.risk)
    and ($risk is not null or user_churn_risk.risk <> 'ok')
    and ($plan is null or lower(user_churn_risk.plan) = lower($plan))
    and ($all_users or user_churn_risk.is_subscribed)
order by
    user_churn_risk.risk = 'inactive',
    user_churn_risk.days_since_last_session nulls last,
    user_churn_risk.user_id
limit $limit
