-- Which plan brings the most, by list price and users?
--
-- What was really paid for the plan stands beside it.
--
-- param: limit bigint = 10

with

paid as (

    select
        plan,
        currency,
        sum(recognized_revenue) as recognized_revenue
    from gold.mart_subscription_revenue_monthly
    group by plan, currency

)

select
    rank() over (
        partition by estimated.currency
        order by estimated.estimated_plan_revenue desc nulls last
    ) as place,                             -- 1 brings the most in its currency
    estimated.plan,                         -- the plan's name
    estimated.currency,                     -- currency of the amounts
    estimated.price,                        -- list price of a month
    estimated.subscribers,                  -- users who ever had the plan
    estimated.estimated_plan_revenue,       -- list price x users
    coalesce(paid.recognized_revenue, 0) as recognized_revenue -- completed payments for the plan
from gold.estimated_plan_revenue as estimated
left join paid
    on estimated.plan = paid.plan
    and estimated.currency = paid.currency
order by currency, place, plan
limit $limit
