-- How many users are on each plan.
--
-- A user counts with the plan of the live subscription, else with that of the
-- latest; users without any with the plan `none`. So users add up to all users.
-- Plans without users are listed.
--
-- grain: plan
-- check: subscribed_users <= users
-- check: ever_active_users <= users
-- check: active_users <= ever_active_users
-- check: user_share is null or user_share between 0 and 1

with

counted as (

    select
        plan,
        count(*) as users,
        count(*) filter (where is_subscribed) as subscribed_users,
        count(*) filter (where sessions > 0) as ever_active_users,
        count(*) filter (where risk <> 'inactive') as active_users
    from gold.user_churn_risk
    group by plan

)

select
    coalesce(plans.plan, counted.plan) as plan, -- the plan's name; none for users without one
    coalesce(counted.users, 0) as users,    -- users on it, or on it last
    cast(coalesce(counted.users, 0) as double)
    / nullif(sum(counted.users) over (), 0) as user_share, -- of all users
    coalesce(counted.subscribed_users, 0) as subscribed_users, -- of those, with a live subscription at as_of
    coalesce(counted.ever_active_users, 0) as ever_active_users, -- of those, with at least one session
    coalesce(counted.active_users, 0) as active_users -- of those, with a session in the last 30 days
from silver.plans
full join counted on plans.plan = counted.plan
