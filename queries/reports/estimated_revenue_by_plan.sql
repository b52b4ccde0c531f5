-- What are the subscribers of each plan worth a month at its list price?
--
-- Users count in a month when they are on the plan on at least one day of it.
--
-- param: since date = null
-- param: plan text = null

select
    to_char(month, '%Y-%m') as month,       -- the month
    plan,                                   -- the plan's name
    currency,                               -- currency of the amounts
    is_partial,                             -- not over at as_of
    price,                                  -- list price of a month
    subscribers,                            -- users on the plan on a day of the month
    estimated_plan_revenue                  -- list price x users
from gold.estimated_plan_revenue_monthly
where
    ($since is null or month >= cast($since as date))
    and ($plan is null or plan = $plan)
order by month, currency, plan
