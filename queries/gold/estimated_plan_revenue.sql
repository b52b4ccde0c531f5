-- What one month of every user a plan ever had would bring at its list price.
--
-- The list price times all users with a subscription of the plan that had begun
-- by `silver.as_of`, live or not; each user counts once a plan. Discounts are
-- left out. This is an upper bound: `gold.estimated_plan_revenue_monthly` has
-- the users of each month, and `gold.revenue_monthly` what was really paid. A
-- plan without a known price has no estimate. Currencies must never be added.
--
-- grain: plan, currency
-- check: estimated_plan_revenue is null or estimated_plan_revenue >= 0
-- check: (estimated_plan_revenue is null) = (price is null)

select
    plan,                                   -- the plan's name
    currency,                               -- currency of the price
    price,                                  -- list price of a month
    subscribers,                            -- users who ever had the plan
    price * subscribers as estimated_plan_revenue -- list price x users
from gold.dim_subscription_plans
