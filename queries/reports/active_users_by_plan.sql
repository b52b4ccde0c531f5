-- How many users interact on each plan, month by month?
--
-- param: plan text = null

select
    month,                                  -- first day of the month
    plan,                                   -- the plan's name, or none
    users,                                  -- different users who interacted
    interactions,                           -- their interactions
    interactions_per_user,                  -- mean
    is_partial                              -- the month was not over at as_of
from gold.monthly_active_users_by_plan
where lower(plan) = lower(coalesce($plan, plan))
order by month, plan
