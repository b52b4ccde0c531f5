-- How much monthly recurring revenue did each month end with, plan by plan?
--
-- param: since date = null
-- param: plan text = null

select
    to_char(month, '%Y-%m') as month,       -- the month
    plan,                                   -- the plan's name
    currency,                               -- currency of the amount
    is_partial,                             -- not over at as_of
    subscribers,                            -- users on the plan at the month's end
    mrr                                     -- prices of their live subscriptions
from gold.mrr_monthly
where
    ($since is null or month >= cast($since as date))
    and ($plan is null or plan = $plan)
order by month, currency, plan
