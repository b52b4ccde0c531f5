-- What the users of each plan bring in a month at its list price.
--
-- `revenue` is list price times all users of the plan, live or not, and so the
-- most that they can bring; `estimated_plan_revenue` counts those whose
-- subscription is live at `silver.as_of`. Discounts are left out. The currency
-- stands beside the money: amounts of different currencies must never be added.
-- A plan without a known price has no revenue.
--
-- materialized: view
-- grain: plan
-- not_null: currency
-- check: (revenue is null) = (price is null)
-- check: estimated_plan_revenue is null or estimated_plan_revenue <= revenue

select
    plans.plan,                             -- the plan's name
    plans.price,                            -- list price of a month
    plans.currency,                         -- currency of the price
    user_distribution_by_plan.users,        -- users on the plan, or on it last
    plans.price * user_distribution_by_plan.users as revenue, -- list price x users
    user_distribution_by_plan.subscribed_users, -- of those, with a live subscription
    plans.price * user_distribution_by_plan.subscribed_users as estimated_plan_revenue -- list price x those
from silver.plans
inner join gold.user_distribution_by_plan on plans.plan = user_distribution_by_plan.plan
